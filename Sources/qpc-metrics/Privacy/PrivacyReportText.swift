import MetricsModel
import MetricsQuery
import Terminal
import TimeWords

/// The report for people.
struct PrivacyReportText {
    let report: PrivacyReport
    let directory: String

    var text: String {
        var text = "A COPY OF \(VisibleText.escaped(directory)) SHOWS, WITHOUT identity.key\n"
        text += Self.list(withoutKey)
        text += "\nAND WITH identity.key\n" + Self.list(withKey)
        text += "\nFILES\n" + files
        if !report.epochs.isEmpty { text += "\nEPOCHS\n" + epochs }
        text += "\nSETTINGS of the plugin's last run\n" + settings
        text += "\nTO HOLD LESS\n" + (report.advice.isEmpty ? "  there is nothing left to reduce\n" : Self.list(report.advice))
        return text
    }

    private static func list(_ lines: [String]) -> String { lines.map { "  - \($0)\n" }.joined() }

    private func count(_ number: UInt64, _ one: String, _ many: String) -> String {
        Quantity.count(number, one, plural: many)
    }

    private func time(_ microseconds: Int64) -> String { LocalTime.text(microseconds, zone: .local) }

    // MARK: What a copy shows

    private var withoutKey: [String] {
        var lines: [String] = []
        let people = [
            (report.identities, "identity", "identities"), (report.users, "user", "users"),
            (report.channels, "channel", "channels"),
        ]
        for (names, one, many) in people where names.plain > 0 {
            lines.append("\(count(names.plain, one, many)) in plain text")
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
            let rows = Quantity.grouped(UInt64(clamping: report.links.rows))
            lines.append("the time of every login and of \(rows) messages, fetches and channel requests")
            lines.append("events from \(time(oldest)) to \(time(newest))")
        } else {
            lines.append("no event: \(report.settings?.keepsRows == false ? Settings.logIsOff : "the log is empty")")
        }
        if report.reasons > 0 {
            lines.append("\(count(report.reasons, "reason", "reasons")) of failed logins, in the server's words")
        }
        if report.pending > 0 {
            lines.append(
                "\(count(report.pending, "event", "events")) not in the log yet, with names and keys in plain text, in live.qpcm")
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
                "who talks to whom: \(least)\(about)\(count(links.pairs.value, "pair", "pairs")), counted once per epoch")
        }
        if links.sharedChannels > 0 {
            let channels = count(links.sharedChannels, "channel", "channels")
            lines.append("which people belong together: \(least)\(channels) shared by two or more people")
        }
        if links.sharedBatches > 0 {
            lines.append("\(least)\(count(links.sharedBatches, "call", "calls")) that sent to two or more people at once")
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
                "how far back is not known: you have no permission to read the key",
            ]
        case .sealed(let sealed, let open) where open.isEmpty:
            return [
                "nothing more: its \(count(UInt64(sealed.count), "key is", "keys are")) sealed to the operator's key",
                "whoever also has the operator's private key can test a known or guessed name, key or channel",
            ]
        case .readable(let numbers), .sealed(_, open: let numbers):
            var reached = report.epochs.filter { numbers.contains($0.number) }.compactMap(\.oldestMicroseconds).min()
            // A log from before key epochs was written under its only key.
            if report.epochs.isEmpty { reached = report.oldestMicroseconds }
            guard let reached else { return ["nothing more: no event in the log was written under its keys"] }
            var lines = [
                "whether a known or guessed name, key or channel is in the log, back to \(time(reached))",
                "for each such name, its pseudonym" + (numbers.count == 1 ? "" : "s in all \(numbers.count) epochs"),
            ]
            if let oldest = report.oldestMicroseconds, oldest < reached {
                lines.append("nothing about events before that: no key reaches them")
            }
            return lines
        }
    }

    // MARK: Files, epochs, settings

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
        case .file(.log): "every event"
        case .file(.wal): "the newest changes of the log, and earlier versions of its pages"
        case .file(.walIndex): "the index of the WAL; no event"
        case .file(.live): "counters, and \(count(report.pending, "event", "events")) that are not in the log yet"
        case .file(.livePath): "where the live file is; no event"
        case .file(.keys): keyFileHolds
        case .file(.control): "nothing: the socket on which the running plugin takes requests"
        case .quarantined: "events of a damaged or deleted log; forget and retention do not reach it"
        case .other: "unknown"
        }
    }

    private var keyFileHolds: String {
        switch report.keys {
        case .none: "nothing"
        case .unreadable(let epochs): "the keys of \(count(UInt64(epochs), "epoch", "epochs"))"
        case .readable(let numbers): "the keys of \(count(UInt64(numbers.count), "epoch", "epochs"))"
        case .sealed(let sealed, let open):
            "the keys of \(count(UInt64(sealed.count), "epoch", "epochs")), sealed to the operator's key"
                + (open.isEmpty ? "" : ", and of \(count(UInt64(open.count), "epoch", "epochs")) that are not")
        }
    }

    private var epochs: String {
        var table = Table(header: ["  epoch", "oldest event", "key"], textColumnsAtEnd: 2)
        for epoch in report.epochs {
            let key =
                report.isSealed(epoch.number)
                ? "sealed" : report.hasKey(epoch.number).map { $0 ? "present" : "none" } ?? "not readable"
            table.add(["  \(epoch.number)", epoch.oldestMicroseconds.map(time) ?? "none left", key])
        }
        return table.text
    }

    private var settings: String {
        guard let settings = report.settings else { return "  not known: there is no live.qpcm\n" }
        return "  log           \(settings.keepsRows ? "on" : "off: events are counted, and none is kept")\n"
            + "  identities    \(settings.identities.name)\n"
            + "  pairs         \(settings.pairs ? "on" : "off")\n"
            + "  operator key  \(settings.sealsKeys ? "set" : "not set")\n"
            + "  key rotation  \(settings.keyRotationNanoseconds.map(Quantity.exact) ?? "off")\n"
            + "  retention     \(settings.retentionNanoseconds.map(Quantity.exact) ?? "off")\n"
    }

    static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
