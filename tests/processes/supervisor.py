from collections import Counter
from threading import Event, Thread
from typing import Self

from tests.processes.process import Process

SECONDS_BETWEEN_ROUNDS = 0.2


class Supervisor:
    """Starts again, within two seconds, whatever of its processes has ended, and counts it.

    The kernel ties a process to the thread that forked it, so all are forked by the thread here,
    which is the last to go.
    """

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self._processes: list[Process] = []
        self._stopping = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._thread.join()

    def keep_running(self, process: Process) -> None:
        """Start a process and start it again whenever it ends."""
        self._processes.append(process)

    def let_go(self, process: Process) -> None:
        """Leave a process alone from now on, dead or alive."""
        self._processes.remove(process)

    def _run(self) -> None:
        started: set[Process] = set()
        while not self._stopping.wait(SECONDS_BETWEEN_ROUNDS):
            for process in list(self._processes):
                if process.is_alive:
                    continue
                if process in started:
                    self.ends[process.name] += 1
                    # What the dead one has forked would go on working unseen.
                    process.kill()
                started.add(process)
                process.start()
        for process in self._processes:
            process.ask_to_end()
        for process in self._processes:
            process.stop()
