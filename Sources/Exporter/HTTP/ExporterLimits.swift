import NIOCore

/// Limits on everything that a client can make the exporter spend.
public struct ExporterLimits: Sendable {
    /// Open connections. When all are taken, a new one evicts a slow or idle one.
    public var connections = 256
    /// The same, per IPv4 address or IPv6 /64.
    public var connectionsPerAddress = 64
    /// The request line and the header fields together.
    public var headerBytes = 16 * 1024
    public var headerFields = 100
    /// For a client to send a request's head, from the connection or from the head's first byte; includes the TLS handshake.
    public var headerTime = TimeAmount.seconds(5)
    /// How long a new client is not evicted while another does not read its answer.
    public var freshTime = TimeAmount.milliseconds(500)
    /// Between one answer and the next request.
    public var idleTime = TimeAmount.minutes(5)
    /// To produce an answer, unless the scrape names its own timeout.
    public var answerTime = TimeAmount.seconds(10)
    /// For a client to read an answer.
    public var sendTime = TimeAmount.seconds(30)
    /// For answers in progress when the exporter is told to stop.
    public var stopTime = TimeAmount.seconds(5)
    /// Scrapes waiting for a reading; as many status pages again may wait.
    public var answersWaiting = 1024
    /// Passwords waiting to be checked, per user: each costs one bcrypt hash.
    public var passwordsWaiting = 16
    /// How often connections are checked for expired deadlines.
    public var sweepInterval = TimeAmount.milliseconds(250)
    /// Between two checks whether the data directory can be read.
    public var readinessInterval = TimeAmount.seconds(5)
    /// How old an answer from the log may get before the log is queried again.
    public var logAge = TimeAmount.seconds(60)
    /// Between two checks of the web configuration's files.
    public var reloadInterval = TimeAmount.seconds(1)

    public init() {}
}
