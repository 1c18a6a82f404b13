import EventLog
import EventOutput
import EventSearch
import MetricsModel
import MetricsQuery

/// The report for programs: one object. What is not known is left out.
enum PrivacyReportJSON {
    static func text(_ report: PrivacyReport) -> String {
        var fields: [String] = []
        func add(_ key: String, _ value: String) { fields.append("\"\(key)\":\(value)") }
        if let settings = report.settings {
            add("identities", quoted(settings.identities.name))
            add("pairs_setting", quoted(settings.pairs ? "on" : "off"))
            add("key_rotation_seconds", "\((settings.keyRotationNanoseconds ?? 0) / 1_000_000_000)")
            add("retention_seconds", "\((settings.retentionNanoseconds ?? 0) / 1_000_000_000)")
        }
        if let oldest = report.oldestMicroseconds { add("oldest_event", quoted(UTCTime.text(oldest))) }
        if let newest = report.newestMicroseconds { add("newest_event", quoted(UTCTime.text(newest))) }
        add("identity_names", names(report.identities))
        add("user_names", names(report.users))
        add("channel_names", names(report.channels))
        add("reasons", "\(report.reasons)")
        add("linked_pairs", "\(report.links.pairs.value)")
        add("linked_pairs_estimated", "\(report.links.pairs.isEstimate)")
        add("shared_channels", "\(report.links.sharedChannels)")
        add("shared_batches", "\(report.links.sharedBatches)")
        add("rows_looked_at", "\(report.links.rows)")
        add("partial", "\(report.links.isPartial)")
        add("pending", "\(report.pending)")
        add("key_file", quoted(keyFile(report.keys)))
        add("epochs", "[" + report.epochs.map { epoch($0, hasKey: report.hasKey($0.number)) }.joined(separator: ",") + "]")
        add("directory_mode", quoted(PrivacyReportText.octal(report.listing.mode)))
        add("files", "[" + report.listing.files.map(file).joined(separator: ",") + "]")
        add("advice", "[" + report.advice.map(quoted).joined(separator: ",") + "]")
        return "{" + fields.joined(separator: ",") + "}\n"
    }

    private static func quoted(_ text: String) -> String {
        String(decoding: JSONString.quoted(Array(text.utf8)), as: UTF8.self)
    }

    private static func names(_ names: PrivacyReport.Names) -> String {
        "{\"pseudonyms\":\(names.pseudonyms),\"plain\":\(names.plain)}"
    }

    private static func keyFile(_ keys: PrivacyReport.Keys) -> String {
        switch keys {
        case .none: "none"
        case .unreadable: "unreadable"
        case .readable: "readable"
        }
    }

    private static func epoch(_ epoch: LoggedEpoch, hasKey: Bool?) -> String {
        var fields = ["\"epoch\":\(epoch.number)", "\"first_id\":\(epoch.firstID)"]
        if let oldest = epoch.oldestMicroseconds { fields.append("\"oldest_event\":" + quoted(UTCTime.text(oldest))) }
        if let hasKey { fields.append("\"key\":\(hasKey)") }
        return "{" + fields.joined(separator: ",") + "}"
    }

    private static func file(_ file: DirectoryListing.File) -> String {
        "{\"name\":\(quoted(file.name)),\"bytes\":\(file.bytes),\"mode\":\(quoted(PrivacyReportText.octal(file.mode)))}"
    }
}
