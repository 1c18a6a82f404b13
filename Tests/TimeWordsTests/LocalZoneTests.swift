import Glibc
import Testing
import TimeWords

/// All threads share the process's zone, so these run one after another, and no other test
/// reads it.
@Suite(.serialized) struct LocalZoneTests {
    private func inZone<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        let before = getenv("TZ").map { String(cString: $0) }
        setenv("TZ", name, 1)
        defer {
            if let before { setenv("TZ", before, 1) } else { unsetenv("TZ") }
            tzset()
        }
        return try body()
    }

    @Test func tzIsHonoured() throws {
        // A rule, so that no zone files are needed.
        try inZone("CET-1CEST,M3.5.0,M10.5.0/3") {
            let zone = ClockZone.local
            for instant in stride(from: Int64(1_767_225_600), to: 1_798_761_600, by: 1800) {
                #expect(zone.offsetSeconds(instant) == Zones.berlin.offsetSeconds(instant))
            }
            let noon = try TimeExpression.parse("2026-07-01 12:00", now: 0)
            #expect(noon == 1_782_900_000_000_000)
        }
    }

    /// Asks systemd-analyze the same; it knows fewer forms, so only those that both know.
    @Test func systemdUnderstandsTheSame() throws {
        let forms = [
            "@1763820000", "@1763820000.5", "2026-11-22", "2026-11-22 14:00", "2026-11-22 14:00:05",
            "2026-11-22 14:00:05.123", "2026-11-22 14:00 UTC", "Sun 2026-11-22", "2026-1-2",
            "2026-11-22 1:2",
            "2026-03-29 01:59", "2026-03-29 02:30", "2026-03-29 03:00", "2026-10-25 01:59",
            "2026-10-25 03:00", "today", "yesterday", "tomorrow", "today UTC", "11:12", "now",
            "-2h", "+3h",
            "3 days ago", "2 weeks ago", "1.5h ago", "-1.5h", "1 month ago", "1y ago", "1M ago",
            "2 weeks 3 days ago", "3 hours left", "-1h30m", "250ms ago", "2026-11-22 14:00:60",
        ]
        guard system("command -v systemd-analyze > /dev/null 2>&1") == 0 else {
            print("systemd-analyze is not installed, so it was not asked")
            return
        }
        try inZone("CET-1CEST,M3.5.0,M10.5.0/3") {
            for form in forms {
                let theirs = try #require(
                    answer("systemd-analyze timestamp -- '\(form)'"), "\(form)")
                let ours = try TimeExpression.parse(form, now: microsecondsNow())
                // systemd read the clock a little earlier.
                #expect(
                    abs(ours - theirs) < 5_000_000, "\(form): \(ours), and by systemd \(theirs)")
                if !form.contains("ago") && !form.contains("left") && !form.contains("now")
                    && !form.hasPrefix("-") && !form.hasPrefix("+")
                {
                    #expect(ours == theirs, "\(form)")
                }
            }
        }
    }

    private func microsecondsNow() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
    }

    /// The moment in systemd's line `UNIX seconds: @1795356005.123`, in microseconds.
    private func answer(_ command: String) -> Int64? {
        guard let pipe = popen(command, "r") else { return nil }
        defer { pclose(pipe) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, 512, pipe) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.contains("UNIX seconds"), let at = text.firstIndex(of: "@") else { continue }
            let parts = text[text.index(after: at)...].split { $0 == "." || $0 == "\n" }
            guard let seconds = Int64(parts[0]) else { return nil }
            let fraction = parts.count > 1 ? String(parts[1]) : ""
            return seconds * 1_000_000 + (Int64(fraction.padding6) ?? 0)
        }
        return nil
    }
}

extension String {
    /// A fraction padded to six digits.
    fileprivate var padding6: String { String((self + "000000").prefix(6)) }
}
