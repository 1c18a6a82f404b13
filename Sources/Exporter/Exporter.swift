import Glibc
import MetricsQuery
import NIOCore
import NIOHTTP1
import NIOPosix

/// A running exporter: one event loop, and three threads for blocking work.
public final class Exporter: Sendable {
    /// The addresses it listens on, as `host:port`; port 0 is replaced by the port that the kernel chose.
    public let addresses: [String]

    private let group: MultiThreadedEventLoopGroup
    private let pools: [NIOThreadPool]
    private let channels: [any Channel]
    private let server: NIOLoopBound<Server>
    private let reload: @Sendable (Bool) -> Void
    private let loop: any EventLoop

    /// Starts the exporter, and returns once it is listening.
    public static func start(_ options: ExporterOptions, log: ExporterLog) throws(ExporterError) -> Exporter {
        let path = options.telemetryPath
        guard path.hasPrefix("/"), !path.hasPrefix("/-/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !path.contains("?"), !path.contains("#")
        else { throw .badFlag("--web.telemetry-path \(path) is not a valid path; expected one such as /metrics") }
        let files = options.webConfigPath.map { WebFiles(path: $0, log: log) }
        let web = try files?.load() ?? WebSettings()
        return try Exporter(options, web, files, nil, log)
    }

    /// Serves the metrics of a shipper that runs in this process, and nothing of a data directory.
    ///
    /// - Parameter read: makes the shipper's families, and may be called on any thread.
    public static func start(
        _ address: ListenAddress, log: ExporterLog, shipper read: @escaping ShipperPages.Reading
    ) throws(ExporterError) -> Exporter {
        var options = ExporterOptions(directory: "")
        options.listenAddresses = [address]
        return try Exporter(options, WebSettings(), nil, read, log)
    }

    private init(
        _ options: ExporterOptions, _ web: WebSettings, _ files: sending WebFiles?, _ shipper: ShipperPages.Reading?,
        _ log: ExporterLog
    ) throws(ExporterError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        // One thread each for readings, for log queries and the web configuration, and for passwords: none of these may wait for
        // another.
        let readings = NIOThreadPool(numberOfThreads: 1)
        let upkeep = NIOThreadPool(numberOfThreads: 1)
        let passwords = NIOThreadPool(numberOfThreads: 1)
        pools = [readings, upkeep, passwords]
        for pool in pools { pool.start() }
        self.group = group
        self.loop = loop

        let source = DataSource(directory: options.directory)
        let renderer: ThreadConfined<any PageSource>
        if let shipper {
            renderer = ThreadConfined(ShipperPages(shipper), on: readings)
        } else {
            let questions = LogQuestions(source: source, pool: upkeep, loop: loop, age: options.limits.logAge)
            renderer = ThreadConfined(
                PageRenderer(
                    source: SnapshotSource(source: source, log: questions),
                    status: StatusPage(
                        telemetryPath: options.telemetryPath, directory: options.directory, host: Self.hostName), log: log),
                on: readings)
        }
        let traffic = shipper == nil ? TrafficQuestions(source: source, pool: upkeep, loop: loop) : nil
        let made = loop.submit {
            NIOLoopBound(
                Server(
                    options: options, web: web, renderer: renderer, traffic: traffic,
                    passwords: PasswordCheck(pool: passwords, loop: loop, limit: options.limits.passwordsWaiting),
                    loop: loop, log: log),
                eventLoop: loop)
        }
        // SAFETY of the `try!`: constructing these objects cannot fail.
        let server = try! made.wait()
        self.server = server
        reload = Self.reloading(files, on: upkeep, server, loop)
        do throws(ExporterError) {
            channels = try Self.listen(options, group, server)
        } catch {
            Self.end(group, pools)
            throw error
        }
        addresses = channels.map { Self.text($0.localAddress) }
        for address in addresses {
            log(.info, "listening", [("address", address), ("tls", web.tls == nil ? "false" : "true")])
        }
        let reload = reload
        let limits = options.limits
        loop.execute {
            Self.watchReadiness(renderer, server, loop, options)
            if options.webConfigPath != nil {
                loop.scheduleRepeatedTask(initialDelay: limits.reloadInterval, delay: limits.reloadInterval) { _ in
                    reload(false)
                }
            }
        }
    }

    private static func watchReadiness(
        _ confined: ThreadConfined<any PageSource>, _ server: NIOLoopBound<Server>, _ loop: any EventLoop,
        _ options: ExporterOptions
    ) {
        confined.run { renderer in
            let isReady = renderer.isReady(waiting: options.waitsForDirectory)
            loop.execute {
                server.value.isReady = isReady
                // Scheduled only now, so that checks do not queue up while readings are slow.
                loop.scheduleTask(in: options.limits.readinessInterval) { watchReadiness(confined, server, loop, options) }
            }
        }
    }

    private static var hostName: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { name in
            guard gethostname(name.baseAddress!, name.count - 1) == 0 else { return "this machine" }
            name[name.count - 1] = 0
            return String(cString: name.baseAddress!)
        }
    }

    private static func reloading(
        _ files: sending WebFiles?, on pool: NIOThreadPool, _ server: NIOLoopBound<Server>, _ loop: any EventLoop
    ) -> @Sendable (Bool) -> Void {
        guard let files else { return { _ in } }
        let confined = ThreadConfined(files, on: pool)
        return { atOnce in
            confined.run { files in
                guard let settings = files.reload(atOnce: atOnce) else { return }
                loop.execute { server.value.web = settings }
            }
        }
    }

    // MARK: Listening

    private static func listen(
        _ options: ExporterOptions, _ group: MultiThreadedEventLoopGroup, _ server: NIOLoopBound<Server>
    ) throws(ExporterError) -> [any Channel] {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 16384)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.connect(channel, server.value) }
            }
        var channels: [any Channel] = []
        if options.usesSystemdSockets {
            for descriptor in try SystemdSockets.take() {
                do {
                    channels.append(try bootstrap.withBoundSocket(descriptor).wait())
                } catch {
                    throw .cannotListen("the socket from systemd, descriptor \(descriptor), cannot be used: \(error)")
                }
            }
            return channels
        }
        for address in options.listenAddresses {
            do {
                channels.append(try bind(bootstrap, address))
            } catch {
                for channel in channels { _ = channel.close() }
                throw .cannotListen("cannot listen on \(address): \(Self.cause(error))")
            }
        }
        return channels
    }

    private static func bind(_ bootstrap: ServerBootstrap, _ address: ListenAddress) throws -> any Channel {
        guard address.host.isEmpty else { return try bootstrap.bind(host: address.host, port: address.port).wait() }
        // One dual-stack socket; IPv4 alone on a machine without IPv6.
        if let channel = try? bootstrap.bind(host: "::", port: address.port).wait() { return channel }
        return try bootstrap.bind(host: "0.0.0.0", port: address.port).wait()
    }

    private static func cause(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "unknown host name" }
        return String(cString: strerror(error.errnoCode))
    }

    private static func text(_ address: SocketAddress?) -> String {
        guard let address else { return "systemd's socket" }
        guard let host = address.ipAddress, let port = address.port else { return address.pathname ?? "a socket" }
        return ListenAddress(host: host, port: port).description
    }

    private struct NoRoom: Error {}

    /// Sets up a new connection, which is closed if that fails.
    private static func connect(_ channel: any Channel, _ server: Server) throws {
        let watcher = ByteWatcher()
        let connection = Connection(server: server, channel: channel, watcher: watcher)
        guard !server.isStopping, server.connections.admit(connection) else { throw NoRoom() }
        let pipeline = channel.pipeline.syncOperations
        if channel.remoteAddress?.protocol != .unix {
            try? channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        do {
            if let tls = server.web.tls { try pipeline.addHandler(tls.handler()) }
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderListSize = server.limits.headerBytes
            limits.maxHeaderFieldSize = server.limits.headerBytes
            limits.maxHeaderFieldCount = server.limits.headerFields
            try pipeline.addHandlers([watcher])
            try pipeline.addHandler(HTTPResponseEncoder())
            try pipeline.addHandler(
                ByteToMessageHandler(
                    HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)))
            try pipeline.addHandler(HTTPServerPipelineHandler())
            try pipeline.addHandler(connection)
        } catch {
            server.connections.remove(connection)
            throw error
        }
    }

    // MARK: Reload and shutdown

    /// Reloads the web configuration, whether or not it has changed.
    public func reloadWebConfig() { reload(true) }

    /// Stops accepting connections, lets responses in progress finish, and shuts down. Returns when that is done; must not be
    /// called on the event loop.
    public func stop() {
        for channel in channels { try? channel.close().wait() }
        let empty = loop.makePromise(of: Void.self)
        let server = server
        let loop = loop
        loop.execute {
            let table = server.value.connections
            let force = loop.scheduleTask(in: server.value.limits.stopTime) { empty.succeed() }
            table.whenEmpty = {
                force.cancel()
                empty.succeed()
            }
            server.value.stop()
            if table.count == 0 { table.whenEmpty?() }
        }
        try? empty.futureResult.wait()
        try? loop.submit {
            let table = server.value.connections
            table.whenEmpty = nil
            table.end()
            for connection in table.all { connection.evict() }
        }.wait()
        Self.end(group, pools)
    }

    private static func end(_ group: MultiThreadedEventLoopGroup, _ pools: [NIOThreadPool]) {
        for pool in pools { try? pool.syncShutdownGracefully() }
        try? group.syncShutdownGracefully()
    }
}
