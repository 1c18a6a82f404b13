import NIOCore

/// A limit on everything that a client can make the exporter spend.
public struct ExporterLimits: Sendable {
    /// Connections open at once. A new one takes the place of one that has not asked for anything yet.
    public var connections = 256
    /// The same for one IPv4 address, or one IPv6 network of 64 bits.
    public var connectionsPerAddress = 64
    /// The request line and the header fields together.
    public var headerBytes = 16 * 1024
    public var headerFields = 100
    /// To send a request's head, from the connection or from its first byte; the TLS handshake included.
    public var headerTime = TimeAmount.seconds(5)
    /// For so long a client that has just come makes no room while somebody does not take his answer.
    public var freshTime = TimeAmount.milliseconds(500)
    /// Between one answer and the next request.
    public var idleTime = TimeAmount.minutes(5)
    /// To make an answer, where the scrape names no time-out of its own.
    public var answerTime = TimeAmount.seconds(10)
    /// For a client to take an answer.
    public var sendTime = TimeAmount.seconds(30)
    /// For answers under way when the exporter is told to stop.
    public var stopTime = TimeAmount.seconds(5)
    /// Scrapes, and as many status pages, that wait for a reading.
    public var answersWaiting = 1024
    /// Passwords waiting to be checked, for each user: each costs bcrypt's time.
    public var passwordsWaiting = 16
    /// How often connections are looked at for times that are over.
    public var sweepInterval = TimeAmount.milliseconds(250)
    /// Between two looks at whether the data directory can be read.
    public var readinessInterval = TimeAmount.seconds(5)
    /// How old what the log was asked may become before it is asked again.
    public var logAge = TimeAmount.seconds(60)
    /// Between two looks at the web configuration's files.
    public var reloadInterval = TimeAmount.seconds(1)

    public init() {}
}
