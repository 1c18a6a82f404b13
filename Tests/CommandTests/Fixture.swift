import Foundation
import TestSupport

/// A data directory with known events, made once for all tests that only read it.
final class Fixture: Sendable {
    static let plain = Fixture(identities: "plain")
    static let pseudonym = Fixture(identities: "pseudonym")

    let place = DataPlace()
    /// All events, as NDJSON shows them.
    let events: [LoggedEvent]

    private init(identities: String) {
        do {
            // Two runs, so that the log has seen more than one server.
            for (seed, count) in [(31, 1200), (32, 1300)] {
                let host = try place.server(["IDENTITIES": identities])
                _ = try host.tally("send-known seed=\(seed) count=\(count) out=\(place.temporary("sent"))")
                if identities == "plain" {
                    try host.ask("auth user=text:-n ok=0 reason=text:%22comma,%20quote%22%20and%0aline")
                    try host.ask("auth user=text:Alice ok=0 reason=text:INVALID%20Credentials")
                }
                try host.shutDown()
            }
            events = try place.tool.events()
        } catch {
            fatalError("the fixture cannot be made: \(error)")
        }
        // A static is never freed, but its directory must still be removed.
        Self.directories.withLock { $0.append(place.temporary.path) }
        atexit { Fixture.directories.withLock { $0.forEach(TemporaryDirectory.remove) } }
    }

    private static let directories = Directories()

    private final class Directories: @unchecked Sendable {
        private let lock = NSLock()
        private var paths: [String] = []

        func withLock<Result>(_ body: (inout [String]) -> Result) -> Result {
            lock.lock()
            defer { lock.unlock() }
            return body(&paths)
        }
    }
}
