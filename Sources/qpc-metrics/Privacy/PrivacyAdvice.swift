import MetricsModel
import MetricsQuery
import Terminal

extension PrivacyReport {
    /// Settings and steps that reduce what is held; empty if there is nothing left to reduce.
    var advice: [String] {
        var advice: [String] = []
        if identities.plain + users.plain + channels.plain > 0 {
            let isPlain = settings?.identities == .plain
            advice.append(
                (isPlain ? "QPC_METRICS_PLUGIN_IDENTITIES=pseudonym, or none: " : "")
                    + "the log holds names and keys in plain text, until the last of their events has left it")
        }
        if settings?.identities == .pseudonym {
            if settings?.pairs == true && links.pairs.value + links.sharedChannels + links.sharedBatches > 0 {
                advice.append(
                    "QPC_METRICS_PLUGIN_PAIRS=off: no new row then links two people; older ones stay until retention removes them"
                )
            }
            if settings?.keyRotationNanoseconds == nil {
                advice.append(
                    "QPC_METRICS_PLUGIN_KEY_ROTATION=30d: a pseudonym that never changes links everything that is ever written")
            }
            if settings?.sealsKeys == false {
                advice.append(
                    "QPC_METRICS_PLUGIN_OPERATOR_KEY, a public key of qpc-metrics keygen: identity.key then confirms no name")
            }
            advice.append("QPC_METRICS_PLUGIN_IDENTITIES=none: counts and sizes only, no people at all")
        }
        if settings?.keepsRows == true {
            advice.append("QPC_METRICS_PLUGIN_LOG=off: counters and gauges only, no event at all")
        }
        if oldestMicroseconds != nil, settings?.keepsRows == false {
            advice.append("qpc-metrics prune --all: \(Settings.logIsOff), and still holds events from before")
        } else if oldestMicroseconds != nil {
            advice.append("a shorter QPC_METRICS_PLUGIN_RETENTION: what is removed cannot be stolen")
        }
        if pending > 0 && !isServerRunning {
            let events = "\(Quantity.count(pending, "event")) of a dead server"
            let what = settings?.keepsRows == false ? "counts \(events)" : "moves \(events) into the log"
            advice.append("qpc-metrics recover: \(what); live.qpcm holds them in plain text")
        }
        for file in listing.files { advice.append(contentsOf: Self.advice(file)) }
        if listing.mode & 0o007 != 0 { advice.append("chmod o= the directory: every user of this machine can list it") }
        return advice
    }

    private static func advice(_ file: DirectoryListing.File) -> [String] {
        var advice: [String] = []
        if file.content == .quarantined {
            advice.append("remove \(file.name) when it is no longer needed: forget and retention do not reach it")
        }
        if file.content == .other {
            advice.append("\(file.name) is not one of the plugin's files: it may be a copy of one")
        }
        if file.mode & 0o007 != 0 { advice.append("chmod o= \(file.name): every user of this machine can open it") }
        if file.content == .file(.keys) && file.mode & 0o070 != 0 {
            advice.append("chmod 600 \(file.name): only the server needs it")
        }
        return advice
    }
}
