#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Exchanges for which Debian has no server: a real client, where there is one, against scripted answers; else both
sides from the protocol's documentation, which each function names. Everything happens on 127.0.0.1, to be captured."""
import socket
import struct
import sys
import threading


def serve(port, answer, connections=1):
    """A server that passes each chunk it gets to answer(chunk), and sends what that returns. None: hang up."""
    listening = socket.create_server(("127.0.0.1", port))

    def talk(peer):
        with peer:
            while chunk := peer.recv(65536):
                reply = answer(chunk)
                if reply is None:
                    return
                peer.sendall(reply)

    def run():
        for _ in range(connections):
            talk(listening.accept()[0])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def play(port, *turns):
    """Client's and server's messages in turn."""
    answers = iter(turns[1::2])
    thread = serve(port, lambda _: next(answers, None))
    with socket.create_connection(("127.0.0.1", port)) as client:
        for i in range(0, len(turns), 2):
            client.sendall(turns[i])
            if i + 1 < len(turns):
                client.recv(65536)
    thread.join(5)


def quietly(function):
    """Clients give up on our answers sooner or later: what they had to say is in the capture by then."""
    try:
        function()
    except Exception as error:  # every library has its own
        print(f"speak: client ended with {type(error).__name__}", file=sys.stderr)


def grpc():
    """python3-grpcio on both sides."""
    import concurrent.futures
    import grpc as g

    handler = g.method_handlers_generic_handler(
        "shop.Orders", {"List": g.unary_unary_rpc_method_handler(lambda request, context: request + b"!")})
    server = g.server(concurrent.futures.ThreadPoolExecutor(1), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:50051")
    server.start()
    with g.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.default_authority", "orders.example.com")]) as channel:
        assert channel.unary_unary("/shop.Orders/List")(b"hello") == b"hello!"
    server.stop(0).wait()


def rtsp():
    """RFC 7826, 13.1 and 13.2."""
    play(554, b"OPTIONS rtsp://media.example.com/stream RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: player/1\r\n\r\n",
         b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n",
         b"DESCRIBE rtsp://media.example.com/stream RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n",
         b"RTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n")


def cassandra():
    """python3-cassandra; answers: native_protocol_v4.spec, 4.2.4 SUPPORTED, 4.2.1 ERROR."""
    def text(t):
        return struct.pack(">H", len(t)) + t

    def answer(chunk):
        version, stream, opcode = chunk[0], chunk[2:4], chunk[4]
        if version & 0x7F != 4:
            body = struct.pack(">I", 0x000A) + text(b"Invalid or unsupported protocol version")
            return bytes([0x84, 0]) + stream + b"\0" + struct.pack(">I", len(body)) + body
        if opcode == 5:
            body = struct.pack(">H", 2) + text(b"CQL_VERSION") + struct.pack(">H", 1) + text(b"3.4.5") + \
                text(b"COMPRESSION") + struct.pack(">H", 0)
            return bytes([0x84, 0]) + stream + b"\6" + struct.pack(">I", len(body)) + body
        return bytes([0x84, 0]) + stream + b"\2" + struct.pack(">I", 0)  # READY

    serve(9042, answer, connections=4)

    def client():
        from cassandra.cluster import Cluster
        Cluster(["127.0.0.1"], port=9042, protocol_version=4, connect_timeout=2, control_connection_timeout=1).connect()
    quietly(client)


def mongodb():
    """python3-pymongo; answers: MongoDB wire protocol, OP_REPLY and OP_MSG."""
    import bson

    def answer(chunk):
        number, _, opcode = struct.unpack("<iii", chunk[4:16])
        document = bson.BSON.encode({"ismaster": True, "helloOk": True, "maxWireVersion": 13, "minWireVersion": 0,
                                     "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000,
                                     "maxWriteBatchSize": 100000, "ok": 1.0})
        if opcode == 2004:
            return struct.pack("<iiiiiqii", 36 + len(document), 1, number, 1, 8, 0, 0, 1) + document
        return struct.pack("<iiiiIB", 21 + len(document), 2, number, 2013, 0, 0) + document

    listening = [serve(27017, answer)]
    # Each connection of the client's pool at the same time.
    socket_server = socket.create_server(("127.0.0.1", 27018))

    def many():
        while True:
            peer = socket_server.accept()[0]
            threading.Thread(target=lambda p=peer: loop(p), daemon=True).start()

    def loop(peer):
        while chunk := peer.recv(65536):
            peer.sendall(answer(chunk))

    threading.Thread(target=many, daemon=True).start()
    del listening

    def client():
        import platform
        platform.release = platform.version = lambda: "6.1.0"  # it tells the server what it runs on
        import pymongo
        with pymongo.MongoClient("127.0.0.1", 27018, serverSelectionTimeoutMS=2000) as mongo:
            mongo.admin.command("ping")
    quietly(client)


def kafka():
    """python3-kafka; answers: the Kafka protocol guide, ApiVersions v0."""
    def answer(chunk):
        key, _, number = struct.unpack(">hhi", chunk[4:12])
        if key == 18:
            keys = [(0, 0, 3), (1, 0, 4), (3, 0, 1), (18, 0, 0)]
            body = struct.pack(">hi", 0, len(keys)) + b"".join(struct.pack(">hhh", *k) for k in keys)
        else:
            host = b"127.0.0.1"
            body = struct.pack(">iih", 1, 0, len(host)) + host + struct.pack(">ihii", 9092, -1, 0, 0)
        return struct.pack(">ii", 4 + len(body), number) + body

    serve(9092, answer, connections=4)

    def client():
        from kafka import KafkaConsumer
        consumer = KafkaConsumer(bootstrap_servers="127.0.0.1:9092", client_id="orders", api_version_auto_timeout_ms=2000)
        consumer.topics()
        consumer.close()
    quietly(client)


def mssql():
    """tsql of freetds-bin; answers: [MS-TDS] 4.2 and 4.4: PRELOGIN without encryption, then LOGINACK refused."""
    import subprocess
    version = b"\0\0\x1a\0\6" + b"\1\0\x20\0\1" + b"\2\0\x21\0\1" + b"\3\0\x22\0\0" + b"\4\0\x22\0\1" + b"\xff" + \
        b"\x0f\0\7\xd0\0\0" + b"\2" + b"\0" + b"\0"
    answers = iter([b"\4\1" + struct.pack(">H", 8 + len(version)) + b"\0\0\1\0" + version])
    serve(1433, lambda _: next(answers, None))
    subprocess.run(["tsql", "-H", "127.0.0.1", "-p", "1433", "-U", "sa", "-P", "secret"], input=b"quit\n", timeout=20,
                   env={"TDSVER": "7.4", "PATH": "/usr/bin"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False)


def oracle():
    """CONNECT with a description, as Oracle's thin drivers and Wireshark's packet-tns describe it; then REFUSE."""
    description = b"(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=db.example.com)(PORT=1521))" \
        b"(CONNECT_DATA=(SERVICE_NAME=orders)(CID=(PROGRAM=shop)(HOST=web)(USER=app))))"
    offset = 74
    fixed = struct.pack(">HHHHHHHHHHIBB", 319, 300, 0x0C01, 8192, 65535, 0x4F98, 0, 1, len(description), offset, 0, 0x41, 0x41)
    packet = fixed.ljust(offset - 8, b"\0") + description
    refusal = b"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"
    body = struct.pack(">BBH", 0x22, 0, len(refusal)) + refusal
    play(1521, struct.pack(">HHBBH", 8 + len(packet), 0, 1, 0, 0) + packet,
         struct.pack(">HHBBH", 8 + len(body), 0, 4, 0, 0) + body)


def couchbase():
    """couchbase/memcached docs/BinaryProtocol.md: HELLO (0x1f), SASL list mechanisms (0x20)."""
    def message(magic, opcode, opaque, key=b"", value=b""):
        return struct.pack(">BBHBBHIIQ", magic, opcode, len(key), 0, 0, 0, len(key) + len(value), opaque, 0) + key + value

    play(11210, message(0x80, 0x1F, 7, b'{"a":"shop/1","i":"1/2"}', struct.pack(">HHH", 3, 4, 7)),
         message(0x81, 0x1F, 7, b"", struct.pack(">HHH", 3, 4, 7)),
         message(0x80, 0x20, 8), message(0x81, 0x20, 8, b"", b"SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN"))


def spark():
    """spark common/network-common: MessageEncoder, RpcRequest, RpcResponse; NettyRpcEnv's RequestMessage as body."""
    def frame(kind, number, body):
        return struct.pack(">QBQI", 21 + len(body), kind, number, len(body)) + body

    def text(t):
        return struct.pack(">H", len(t)) + t

    body = b"\0" + b"\1" + text(b"driver.example.com") + struct.pack(">i", 7077) + text(b"Master") + \
        b"\xac\xed\0\5sr\0\x2aorg.apache.spark.deploy.DeployMessages$Hello\0\0\0\0\0\0\0\1\2\0\0xp"
    answer = b"\xac\xed\0\5sr\0\x11java.lang.Boolean\xcd\x20\x72\x80\xd5\x9c\xfa\xee\2\0\1Z\0\5valuexp\1"
    play(7077, frame(3, 0x5A3C2B1D00000001, body), frame(4, 0x5A3C2B1D00000001, answer))


def quic():
    """RFC 9001, appendix A: a client's Initial with the keys derived there (A.1), for a hello of our own."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
    from cryptography.hazmat.primitives.hmac import HMAC

    connection = bytes.fromhex("8394c8f03e515708")
    salt = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")

    def expand(secret, label, length):
        label = b"tls13 " + label
        info = struct.pack(">HB", length, len(label)) + label + b"\0"
        return HKDFExpand(hashes.SHA256(), length, info).derive(secret)

    mac = HMAC(salt, hashes.SHA256())
    mac.update(connection)
    secret = expand(mac.finalize(), b"client in", 32)
    key, iv, mask_key = expand(secret, b"quic key", 16), expand(secret, b"quic iv", 12), expand(secret, b"quic hp", 16)
    name = b"quic.example.com"
    extensions = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in (
        (0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name), (10, b"\0\2\0\x1d"), (13, b"\0\2\4\3"),
        (16, b"\0\3\2h3"), (43, b"\2\3\4"), (51, b"\0\x24\0\x1d\0\x20" + bytes(range(32))), (57, b"\4\4\x80\1\0\0")))
    hello = b"\3\3" + bytes(range(32)) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack(">H", len(extensions)) + extensions
    hello = b"\1" + struct.pack(">I", len(hello))[1:] + hello
    crypto = b"\6\0" + struct.pack(">H", 0x4000 | len(hello)) + hello
    frames = crypto.ljust(1162, b"\0")
    number = struct.pack(">I", 2)
    header = b"\xc3" + b"\0\0\0\1" + bytes([8]) + connection + b"\0" + b"\0" + \
        struct.pack(">H", 0x4000 | (4 + len(frames) + 16)) + number
    nonce = iv[:-4] + bytes(a ^ b for a, b in zip(iv[-4:], number))
    sealed = AESGCM(key).encrypt(nonce, frames, header)
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sealed[:16])
    at = len(header) - 4
    header = bytes([header[0] ^ (mask[0] & 0xF)]) + header[1:at] + bytes(a ^ b for a, b in zip(header[at:], mask[1:5]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 443))
        client.sendto(header + sealed, ("127.0.0.1", 443))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
