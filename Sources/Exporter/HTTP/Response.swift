import NIOCore
import NIOHTTP1

/// A response, before it is serialized for a connection.
struct Response {
    var status: HTTPResponseStatus
    var contentType = "text/plain; charset=utf-8"
    var headers: [(name: String, value: String)] = []
    var body = ByteBuffer()
    /// Closes the connection after this response.
    var closes = false

    init(_ status: HTTPResponseStatus, _ text: String = "") {
        self.status = status
        body = ByteBuffer(string: text)
    }

    init(_ status: HTTPResponseStatus, contentType: String, body: ByteBuffer) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// The raw bytes of a response, for input too malformed to be answered through the HTTP encoder.
    static func plain(_ status: HTTPResponseStatus) -> ByteBuffer {
        ByteBuffer(
            string: """
                HTTP/1.1 \(status.code) \(status.reasonPhrase)\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Length: \(status.reasonPhrase.utf8.count + 1)\r
                Connection: close\r
                \r
                \(status.reasonPhrase)

                """)
    }
}
