import MetricsModel
import MetricsQuery
import Terminal
import TimeWords

/// The report in words.
struct PrivacyReportText {
    let report: PrivacyReport
    let directory: String

    var text: String {
        var text = "WHOEVER STEALS \(directory) LEARNS, WITHOUT identity.key\n"
        text += Self.list(withoutKey)
        text += "\nAND WITH identity.key\n" + Self.list(withKey)
        text += "\nFILES\n" + files
        if !report.epochs.isEmpty { text += "\nEPOCHS\n" + epochs }
        text += "\nSETTINGS of the plugin's last run\n" + settings
        text += "\nTO HOLD LESS\n" + (report.advice.isEmpty ? "  nothing is left to take away\n" : Self.list(report.advice))
        return text
    }

    private static func list(_ lines: [String]) -> String { lines.map { "  - \($0)\n" }.joined() }

    private func count(_ number: UInt64, _ one: String, _ many: String) -> String {
        Quantity.count(number, one, plural: many)
    }

    private func time(_ microseconds: Int64) -> String { LocalTime.text(microseconds, zone: .local) }

    // MARK: What is learnt

    private var withoutKey: [String] {
        var lines: [String] = []
        let people = [
            (report.identities, "identity", "identities"), (report.users, "user", "users"),
            (report.channels, "channel", "channels"),
        ]
        for (names, one, many) in people where names.plain > 0 {
            lines.append("\(count(names.plain, one, many)), as they came")
        }
        let hidden = people.filter { $0.0.pseudonyms > 0 }.map { count($0.0.pseudonyms, $0.1, $0.2) }
        if !hidden.isEmpty {
            lines.append(
                "\(hidden.joined(separator: ", ")), each under a pseudonym that stays the same within a key epoch"
            )
        }
        if people.allSatisfy({ $0.0.count == 0 }) { lines.append("nobody: the log holds no identity, user or channel") }
        lines.append(contentsOf: links)
        if let oldest = report.oldestMicroseconds, let newest = report.newestMicroseconds {
            lines.append(
                "the time of every login and of each of \(report.links.rows) messages, fetches and channel requests, "
                    + "from \(time(oldest)) to \(time(newest))"
            )
        } else {
            lines.append("no event: the log is empty")
        }
        if report.reasons > 0 {
            lines.append("\(count(report.reasons, "reason", "reasons")) of failed logins, in the server's words")
        }
        if report.pending > 0 {
            lines.append(
                "\(count(report.pending, "event", "events")) not in the log yet, with names and keys as they came, in live.qpcm")
        }
        return lines
    }

    private var links: [String] {
        var lines: [String] = []
        let links = report.links
        let least = links.isPartial ? "at least " : ""
        if links.pairs.value > 0 {
            let about = links.pairs.isEstimate ? "~" : ""
            lines.append(
                "who talks to whom: \(least)\(about)\(count(links.pairs.value, "pair", "pairs")), counted once an epoch")
        }
        if links.sharedChannels > 0 {
            lines.append(
                "who belongs together: \(least)\(count(links.sharedChannels, "channel", "channels")) shared by two people or more"
            )
        }
        if links.sharedBatches > 0 {
            lines.append("\(least)\(count(links.sharedBatches, "call", "calls")) that sent to two people or more at once")
        }
        if lines.isEmpty { lines.append("no two people who are linked by a row, a channel or a batch") }
        return lines
    }

    private var withKey: [String] {
        switch report.keys {
        case .none: return ["nothing: there is no key, so pseudonyms in the log, if any, can no longer be matched with people"]
        case .unreadable(let epochs):
            return [
                "whether a known or guessed name, key or channel is in the log, in \(count(UInt64(epochs), "epoch", "epochs"))",
                "you have no permission to read the key, so this report cannot say how far back it reaches",
            ]
        case .readable(let numbers):
            var reached = report.epochs.filter { numbers.contains($0.number) }.compactMap(\.oldestMicroseconds).min()
            // A log from before there were epochs is of the one key.
            if report.epochs.isEmpty { reached = report.oldestMicroseconds }
            guard let reached else { return ["nothing more: no event in the log was written under its keys"] }
            var lines = [
                "whether a known or guessed name, key or channel is in the log, back to \(time(reached))",
                "for each such name, its pseudonyms in all \(count(UInt64(numbers.count), "epoch", "epochs"))",
            ]
            if let oldest = report.oldestMicroseconds, oldest < reached {
                lines.append("nothing about events before that: no key reaches them")
            }
            return lines
        }
    }

    // MARK: What there is

    private var files: String {
        var table = Table(header: ["  file", "bytes", "mode", "holds"], textColumnsAtEnd: 1)
        for file in report.listing.files {
            let name = VisibleText.escaped(file.name)
            table.add(["  \(name)", Quantity.grouped(file.bytes), Self.octal(file.mode), holds(file)])
        }
        return table.text
    }

    private func holds(_ file: DirectoryListing.File) -> String {
        switch file.content {
        case .log: "every event"
        case .writeAhead: "the newest changes of the log, and pages as they were before"
        case .index: "where which page is in the file before; no event"
        case .live: "counters, and \(count(report.pending, "event", "events")) that are not in the log yet"
        case .keys: keyFileHolds
        case .control: "nothing: where the running plugin is asked to remove something"
        case .quarantined: "what a damaged file held; nothing in it is ever forgotten"
        case .other: "unknown"
        }
    }

    private var keyFileHolds: String {
        switch report.keys {
        case .none: "nothing"
        case .unreadable(let epochs): "the keys of \(count(UInt64(epochs), "epoch", "epochs"))"
        case .readable(let numbers): "the keys of \(count(UInt64(numbers.count), "epoch", "epochs"))"
        }
    }

    private var epochs: String {
        var table = Table(header: ["  epoch", "oldest event", "key"], textColumnsAtEnd: 2)
        for epoch in report.epochs {
            let key = report.hasKey(epoch.number).map { $0 ? "there" : "none" } ?? "not for you to see"
            table.add(["  \(epoch.number)", epoch.oldestMicroseconds.map(time) ?? "none left", key])
        }
        return table.text
    }

    private var settings: String {
        guard let settings = report.settings else { return "  not known: there is no live.qpcm\n" }
        return "  identities    \(settings.identities.name)\n"
            + "  pairs         \(settings.pairs ? "on" : "off")\n"
            + "  key rotation  \(settings.keyRotationNanoseconds.map(Quantity.exact) ?? "off")\n"
            + "  retention     \(settings.retentionNanoseconds.map(Quantity.exact) ?? "off")\n"
    }

    static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
