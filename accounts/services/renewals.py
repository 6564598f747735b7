def register_mail_kinds():
    pass
