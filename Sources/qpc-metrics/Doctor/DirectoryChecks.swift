import CMachine
import Doctor
import MetricsModel
import MetricsQuery

/// The data directory from the outside: does it exist, who owns it, who may read what, and what does not belong in it?
struct DirectoryChecks {
    let directory: String
    /// How the plugin logged identities in its last run; nil if not known.
    let identities: IdentityMode?

    func run() -> [Check] {
        let owner: FileOwner
        switch FileOwner.of(directory) {
        case .failure(let code): return [unreachable(code)]
        case .success(let found): owner = found
        }
        guard owner.isDirectory else {
            return [
                .failure(
                    "directory", "\(directory) is not a directory",
                    fix: "set --dir or QPC_METRICS_PLUGIN_DIR to the plugin's directory")
            ]
        }
        let found = "\(directory), mode \(PrivacyReportText.octal(owner.mode)), \(owner.words)"
        var checks = [Check.ok("directory", found), mode(owner)]
        guard access(directory, R_OK | X_OK) == 0 else {
            return checks + [.notChecked("files", "no permission to list \(directory)", fix: Reader.remedy(owner))]
        }
        let listing = DirectoryListing(directory)
        checks += modes(listing, owner) + owners(listing, owner)
        checks += [missing(listing), surplus(listing), quarantined(listing)]
        return checks
    }

    private func unreachable(_ code: Int32) -> Check {
        if code == EACCES {
            return .notChecked(
                "directory", "no permission to reach \(directory)", fix: "run as root or as the server's user")
        }
        let path = Shell.word(directory)
        return .failure(
            "directory", "there is no directory \(directory)",
            fix: "set --dir or QPC_METRICS_PLUGIN_DIR; for a new one: install -d -m 0750 -o USER -g GROUP \(path)")
    }

    private func mode(_ owner: FileOwner) -> Check {
        let name = "directory mode"
        let mode = PrivacyReportText.octal(owner.mode)
        let remedy = "chmod 0750 \(Shell.word(directory))"
        if owner.mode & 0o002 != 0 {
            return .failure(name, "\(mode): every user can write to it, so the plugin refuses it", fix: remedy)
        }
        if owner.mode & 0o020 != 0 {
            return .failure(name, "\(mode): the group can replace the server's files", fix: remedy)
        }
        if owner.mode & 0o700 != 0o700 { return .failure(name, "\(mode): its owner cannot use it", fix: remedy) }
        if owner.mode & 0o007 != 0 {
            return .warning(name, "\(mode): every user of this machine can list it", fix: remedy)
        }
        if owner.mode & 0o050 == 0o050 { return .ok(name, "\(mode): the group \(owner.group) may read") }
        return .ok(name, "\(mode): only \(owner.user == "root" ? "root" : "\(owner.user) and root") may read")
    }

    // MARK: Its files

    private static func mode(of file: DataFile) -> UInt32 {
        switch file {
        case .log, .wal, .walIndex, .live, .livePath: 0o640
        case .keys, .control: 0o600
        }
    }

    /// One check for each file that is wrong, or one for all files.
    private func modes(_ listing: DirectoryListing, _ owner: FileOwner) -> [Check] {
        let name = "file modes"
        let groupReads = owner.mode & 0o050 == 0o050
        let wrong: [Check] = listing.files.compactMap { file in
            guard case .file(let kind) = file.content else { return nil }
            let wanted = Self.mode(of: kind)
            let found = "\(file.name) has mode \(PrivacyReportText.octal(file.mode))"
            let path = file.name.hasPrefix("/") ? file.name : kind.path(in: directory)
            let remedy = "chmod \(PrivacyReportText.octal(wanted)) \(Shell.word(path))"
            if file.mode & 0o600 != 0o600 { return .failure(name, "\(found): its owner cannot use it", fix: remedy) }
            if file.mode & ~wanted != 0 {
                let secret = kind == .keys ? ": anyone who has the keys can test names against the log" : ""
                return .failure(name, "\(found), more than \(PrivacyReportText.octal(wanted))\(secret)", fix: remedy)
            }
            guard groupReads, file.mode & wanted != wanted else { return nil }
            return .warning(name, "\(found): the group cannot read it", fix: remedy)
        }
        return wrong.isEmpty ? [.ok(name, "only the owner may read identity.key, the group may read the rest")] : wrong
    }

    private func owners(_ listing: DirectoryListing, _ owner: FileOwner) -> [Check] {
        let name = "file owners"
        let wrong: [Check] = listing.files.compactMap { file in
            guard case .file(let kind) = file.content, case .success(let found) = FileOwner.of(kind.path(in: directory)) else {
                return nil
            }
            let remedy = "chown \(owner.words) \(Shell.word(kind.path(in: directory)))"
            if found.uid != owner.uid {
                return .failure(name, "\(file.name) belongs to \(found.words), the directory to \(owner.words)", fix: remedy)
            }
            if found.gid == owner.gid { return nil }
            return .warning(
                name, "\(file.name) belongs to the group \(found.group), the directory to \(owner.group)",
                fix: remedy + "; for future files: chmod g+s \(Shell.word(directory))")
        }
        return wrong.isEmpty ? [.ok(name, "all belong to \(owner.words)")] : wrong
    }

    private func missing(_ listing: DirectoryListing) -> Check {
        let name = "files"
        func has(_ file: DataFile) -> Bool { listing.files.contains { $0.content == .file(file) } }
        let remedy = "start the server with the plugin; if the plugin refuses to start, the server's standard error says why"
        if !has(.live), !has(.log) {
            return .failure(name, "\(directory) has no files of the plugin: it has never run here", fix: remedy)
        }
        if !has(.live), has(.livePath) {
            return .failure(name, "the live file that live.path names is gone, as after a power cut", fix: remedy)
        }
        if !has(.live) { return .failure(name, "there is no live.qpcm", fix: remedy) }
        if !has(.log) { return .failure(name, "there is no events.db", fix: remedy) }
        if !has(.keys), identities == .pseudonym {
            return .failure(
                name, "there is no identity.key: names in the log can no longer be looked up",
                fix: "restore it from a backup while the server is stopped; otherwise the next start begins a new key epoch")
        }
        return .ok(
            name,
            listing.files.compactMap { file in if case .file = file.content { file.name } else { nil } }.joined(separator: ", "))
    }

    private func surplus(_ listing: DirectoryListing) -> Check {
        let name = "other files"
        let others = listing.files.filter { $0.content == .other }
        guard let first = others.first else { return .ok(name, "none") }
        return .warning(
            name, "\(list(others)): not the plugin's, or left by a process that died",
            fix: "the next start removes the plugin's own leftovers; otherwise look at it, then rm "
                + Shell.word(directory + "/" + first.name))
    }

    private func quarantined(_ listing: DirectoryListing) -> Check {
        let name = "quarantine"
        let files = listing.files.filter { $0.content == .quarantined }
        guard let first = files.first else { return .ok(name, "no file is quarantined") }
        return .warning(
            name, "\(list(files)): found damaged, or left by a log that was deleted; forget and retention do not reach it",
            fix: "look at it with sqlite3, or rm \(Shell.word(directory + "/" + first.name))")
    }

    private func list(_ files: [DirectoryListing.File]) -> String {
        files.count == 1 ? files[0].name : "\(files[0].name) and \(files.count - 1) more"
    }
}
