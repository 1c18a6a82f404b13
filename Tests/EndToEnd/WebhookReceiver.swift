import Foundation
import TestSupport

/// Somebody's pager: receives Alertmanager's webhooks.
final class WebhookReceiver {
    struct Message: Decodable {
        struct Alert: Decodable {
            var labels: [String: String]
            var annotations: [String: String]
        }

        var path: String
        var status: String
        var alerts: [Alert]
    }

    let port: UInt16
    private let child: ChildProcess

    /// An HTTP server in Python, which prints each message as one line.
    private static let program = """
        import http.server, json
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                print(json.dumps(body | {"path": self.path}), flush=True)
                self.send_response(200)
                self.end_headers()
            def log_message(self, *_): pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    init(_ place: TemporaryDirectory) throws {
        child = try ChildProcess(["python3", "-c", Self.program], errorFile: place("receiver-errors"))
        guard let port = try child.line(within: 60).flatMap({ UInt16($0) }) else {
            throw TestFailure(
                "the receiver does not start: \(try String(decoding: read(place("receiver-errors")), as: UTF8.self))")
        }
        self.port = port
    }

    /// Waits for the next message.
    func next() throws -> Message {
        guard let line = try child.line(within: 60) else { throw TestFailure("the receiver has ended") }
        return try JSONDecoder().decode(Message.self, from: Data(line.utf8))
    }
}
