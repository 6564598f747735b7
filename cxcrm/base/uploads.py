from django.conf import settings
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Writes uploads to disk, not to memory, and none that is longer than the settings allow.

    Of one that is, nothing is left in `request.FILES`, and the request bears
    `upload_was_too_large`, so that the page can say why.
    """

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._received += len(raw_data)
        if self._received > settings.CXCRM_LARGEST_UPLOAD_MB * 2**20:
            self.request.upload_was_too_large = True
            raise SkipFile
        super().receive_data_chunk(raw_data, start)
