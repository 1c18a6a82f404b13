import Exporter
import Foundation
import NIOCore
import TestSupport

/// An exporter on a free port, in this process, and the directory that it reads.
final class TestExporter: @unchecked Sendable {
    let place: DataPlace
    let exporter: Exporter
    private var isStopped = false

    init(
        _ place: DataPlace = DataPlace(), webConfig: String? = nil, telemetryPath: String = "/metrics",
        waits: Bool = true, _ change: (inout ExporterLimits) -> Void = { _ in }
    ) throws {
        self.place = place
        var options = ExporterOptions(directory: place.path)
        options.listenAddresses = [ListenAddress(host: "127.0.0.1", port: 0)]
        options.telemetryPath = telemetryPath
        options.webConfigPath = webConfig
        options.waitsForDirectory = waits
        options.limits.readinessInterval = .milliseconds(5)
        options.limits.sweepInterval = .milliseconds(5)
        options.limits.reloadInterval = .milliseconds(5)
        change(&options.limits)
        let quiet = open("/dev/null", O_WRONLY | O_CLOEXEC)
        do {
            exporter = try Exporter.start(options, log: ExporterLog(level: .error, descriptor: quiet))
        } catch {
            throw TestFailure(error.message)
        }
    }

    deinit { stop() }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        // A read that is still waiting would never end.
        var status = stat()
        if lstat(place("events.db"), &status) == 0, status.st_mode & S_IFMT == S_IFIFO {
            try? StuckPlace.release(place)
        }
        exporter.stop()
    }

    var address: String { exporter.addresses[0] }
    var port: String { String(address.split(separator: ":")[1]) }

    func client(receiveBytes: Int32? = nil) throws -> RawClient {
        try RawClient(address, receiveBytes: receiveBytes)
    }

    /// One request on its own connection.
    func get(_ path: String, _ fields: String...) throws -> RawClient.Answer {
        let client = try client()
        client.send(
            "GET \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
        return try client.answer()
    }

    func exposition() throws -> Exposition {
        let answer = try get("/metrics")
        guard answer.status == 200 else { throw TestFailure("\(answer.status): \(answer.text)") }
        return try Exposition(answer.text)
    }
}

typealias Exposition = TestSupport.Exposition

/// A place where reading blocks until it is released: a named pipe in place of the log.
final class StuckPlace {
    let place = DataPlace()

    init() throws {
        mkdir(place.path, 0o755)
        guard mkfifo(place("events.db"), 0o644) == 0 else { throw TestFailure.system("make a pipe", errno) }
    }

    /// The blocked reader goes on, and finds that this is not a log.
    func release() throws { try Self.release(place) }

    static func release(_ place: DataPlace) throws {
        // Opening succeeds as soon as a reader waits, and then ends its wait.
        let descriptor = open(place("events.db"), O_RDWR | O_CLOEXEC)
        unlink(place("events.db"))
        close(descriptor)
    }

    deinit { try? release() }
}
