"""A mail server with STARTTLS: smtp-server.py PORT KEY CERT. Prints each name of a ClientHello and each message."""
import socketserver
import ssl
import sys

PORT, KEY, CERT = int(sys.argv[1]), sys.argv[2], sys.argv[3]
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(CERT, KEY)
CONTEXT.sni_callback = lambda _socket, name, _context: print("name", name, flush=True)
ANSWERS = {b"MAIL": "250 ok", b"RCPT": "250 ok", b"DATA": "354 go on", b"NOOP": "250 ok", b"QUIT": "221 bye"}


class Session(socketserver.BaseRequestHandler):
    def say(self, text):
        self.secured.sendall(text.encode() + b"\r\n")

    def handle(self):
        self.secured, is_secure = self.request, False
        lines = self.secured.makefile("rb")
        self.say("220 mail ready")
        while line := lines.readline():
            verb = line.strip().upper()[:8]
            if verb[:4] in (b"EHLO", b"HELO"):
                self.say("250 mail" if is_secure else "250-mail\r\n250 STARTTLS")
            elif verb == b"STARTTLS":
                self.say("220 go ahead")
                self.secured, is_secure = CONTEXT.wrap_socket(self.secured, server_side=True), True
                lines = self.secured.makefile("rb")
            else:
                self.say(ANSWERS.get(verb[:4], "500 unknown"))
            if verb[:4] == b"DATA":
                for part in iter(lines.readline, b".\r\n"):
                    print("message", part.decode().strip(), flush=True)
                self.say("250 kept")
            if verb[:4] == b"QUIT":
                return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def handle_error(self, request, client_address):
        pass


with Server(("", PORT), Session) as server:
    print("listening", flush=True)
    server.serve_forever()
