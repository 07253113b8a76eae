"""An SMTP server on 127.0.0.1: server.py starttls|tls|none [USER PASSWORD]

Prints its port, then a line of JSON for each message: envelope, headers as they were parsed, text, attachments. Refuses what comes
without logging in, if it was given a user; and the first messages to later@… for a while.
"""

import asyncio
import base64
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, *login = sys.argv[1:]
here = pathlib.Path(__file__).parent


def say(value):
    print(json.dumps(value), flush=True)


class Handler:
    refused = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("later@") and Handler.refused < 2:
            Handler.refused += 1
            return "451 later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(("plain",))
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": session.ssl is not None or mode == "tls",
            "user": session.auth_data,
            "names": [name for name, _ in message.items()],
            "headers": {name: str(value) for name, value in message.items()},
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "text": text.get_content().replace("\r\n", "\n"),
            "attachments": {
                part.get_filename(): base64.b64encode(part.get_content()).decode() for part in message.iter_attachments()
            },
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=good, handled=False, auth_data=data.login.decode())


context = None
if mode != "none":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(here / "server.pem", here / "server.key")


def protocol():
    return SMTP(
        Handler(),
        hostname="localhost",
        tls_context=context if mode == "starttls" else None,
        require_starttls=mode == "starttls",
        auth_required=bool(login),
        auth_require_tls=mode == "starttls",
        authenticator=authenticate if login else None,
    )


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    say(server.sockets[0].getsockname()[1])
    # Until whoever started it is gone.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
