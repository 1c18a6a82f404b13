import Foundation
import TestSupport

/// The demo's day after a week of calm ones, under a key that does not change, as an operator sees them in the night of the
/// attack. The same each time, to the byte.
final class DemoNight: Sendable {
    /// Half past three in the night, ten minutes after the attack.
    private static let now: Int64 = 1_795_404_600_000_000
    private static let day: Int64 = 86_400_000_000

    let place = TemporaryDirectory()
    private let environment: [String: String]

    init() throws {
        let data = place("data")
        guard mkdir(data, 0o750) == 0 else { throw TestFailure.system("make \(data)", errno) }
        try overwrite(data + "/identity.key", with: (0..<32).map { UInt8($0) })
        guard chmod(data + "/identity.key", 0o600) == 0 else { throw TestFailure.system("chmod", errno) }
        let users = [
            "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia",
            "peggy", "rupert", "sybil", "trent", "victor", "walter", "zoë",
        ]
        try overwrite(place("users.txt"), with: Array(users.map { $0 + "\n" }.joined().utf8))
        let tools = URL(fileURLWithPath: BuiltProducts.commandLine).deletingLastPathComponent().path
        environment = [
            "LD_PRELOAD": BuiltProducts.hosts + "/clock-shim.so", "CLOCK_SHIM_FILE": place("offset"), "TZ": "UTC",
            "PATH": tools + ":/usr/bin:/bin", "QPC_METRICS_PLUGIN_DIR": data, "TERM": "xterm-256color", "NO_COLOR": "1",
            "PAGER": "", "SHELL": "/bin/bash", "LC_ALL": "C.UTF-8",
        ]
        for days in 0...7 {
            let calm = days < 7 ? "--calm" : ""
            let made = try ask(
                "qpc-metrics demo --day '\(data)' --seed \(days + 1) \(calm)", at: Self.now - Int64(7 - days) * Self.day)
            guard made.status == 0 else { throw TestFailure(made.text) }
        }
    }

    /// What a command prints on a terminal, by default one of 100 columns.
    func ask(_ line: String, at time: Int64 = now, columns: Int = 100) throws -> Outcome {
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        var offset = time * 1000 - Int64(clock.tv_sec) * 1_000_000_000 - Int64(clock.tv_nsec)
        try withUnsafeBytes(of: &offset) { try overwrite(place("offset"), with: Array($0)) }
        return try run(
            ["script", "-qefc", "stty columns \(columns) rows 50; \(line)", "/dev/null"], environment: environment,
            directory: place.path)
    }
}
