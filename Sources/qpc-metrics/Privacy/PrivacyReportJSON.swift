import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Terminal

/// The report for programs: one object. What is not known is left out.
enum PrivacyReportJSON {
    static func bytes(_ report: PrivacyReport) -> [UInt8] {
        var fields: [(String, JSON)] = []
        if let settings = report.settings {
            fields += [
                ("log", .text(settings.keepsRows ? "on" : "off")), ("identities", .text(settings.identities.name)),
                ("pairs_setting", .text(settings.pairs ? "on" : "off")),
                ("key_rotation_seconds", .number((settings.keyRotationNanoseconds ?? 0) / 1_000_000_000)),
                ("retention_seconds", .number((settings.retentionNanoseconds ?? 0) / 1_000_000_000)),
            ]
        }
        if let oldest = report.oldestMicroseconds { fields.append(("oldest_event", .time(oldest))) }
        if let newest = report.newestMicroseconds { fields.append(("newest_event", .time(newest))) }
        fields += [
            ("identity_names", names(report.identities)), ("user_names", names(report.users)),
            ("channel_names", names(report.channels)), ("reasons", .number(report.reasons)),
            ("linked_pairs", .number(report.links.pairs.value)),
            ("linked_pairs_estimated", .bool(report.links.pairs.isEstimate)),
            ("shared_channels", .number(report.links.sharedChannels)),
            ("shared_batches", .number(report.links.sharedBatches)), ("rows_looked_at", .number(report.links.rows)),
            ("partial", .bool(report.links.isPartial)), ("pending", .number(report.pending)),
            ("key_file", .text(keyFile(report.keys))),
            (
                "epochs",
                .array(
                    report.epochs.map { epoch($0, hasKey: report.hasKey($0.number), isSealed: report.isSealed($0.number)) })
            ),
            ("directory_mode", .text(PrivacyReportText.octal(report.listing.mode))),
            ("files", .array(report.listing.files.map(file))), ("advice", .array(report.advice.map(JSON.text))),
        ]
        return JSON.object(fields).line
    }

    private static func names(_ names: PrivacyReport.Names) -> JSON {
        .object([("pseudonyms", .number(names.pseudonyms)), ("plain", .number(names.plain))])
    }

    private static func keyFile(_ keys: PrivacyReport.Keys) -> String {
        switch keys {
        case .none: "none"
        case .unreadable: "unreadable"
        case .readable: "readable"
        case .sealed: "sealed"
        }
    }

    private static func epoch(_ epoch: LoggedEpoch, hasKey: Bool?, isSealed: Bool) -> JSON {
        var fields: [(String, JSON)] = [("epoch", .number(epoch.number)), ("first_id", .number(epoch.firstID))]
        if let oldest = epoch.oldestMicroseconds { fields.append(("oldest_event", .time(oldest))) }
        if let hasKey { fields.append(("key", .bool(hasKey))) }
        if isSealed { fields.append(("sealed", .bool(true))) }
        return .object(fields)
    }

    private static func file(_ file: DirectoryListing.File) -> JSON {
        .object([
            ("name", .text(file.name)), ("bytes", .number(file.bytes)), ("mode", .text(PrivacyReportText.octal(file.mode))),
        ])
    }
}
