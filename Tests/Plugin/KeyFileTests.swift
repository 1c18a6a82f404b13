import Foundation
import TestSupport
import Testing

/// A file that holds no keys, or another log's, is never used, neither by the plugin nor by a command.
@Suite struct KeyFileTests {
    let place = DataPlace()

    private func live(_ environment: [String: String] = [:]) throws -> String {
        let host = try place.server(environment)
        try AttackerTests.act(host)
        try host.shutDown()
        return host.errors
    }

    private var quarantined: [String] { names(in: place.path).filter { $0.hasPrefix("identity.key.damaged-") } }

    enum Wrong: String, CaseIterable {
        /// The file's magic, version, count, epoch and time: every byte of such a "key" can be guessed.
        case cutTo32Bytes
        case junkOf32Bytes
        case anotherLogs
        case anotherLogsOldForm
    }

    private func put(_ wrong: Wrong) throws {
        let right = try read(place("identity.key"))
        let content: [UInt8]
        switch wrong {
        case .cutTo32Bytes: content = Array(right.prefix(32))
        case .junkOf32Bytes: content = (0..<32).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 5) }
        case .anotherLogs, .anotherLogsOldForm:
            let other = DataPlace()
            let host = try other.server()
            try host.shutDown()
            let keys = try KeyFile(other("identity.key"))
            content = wrong == .anotherLogs ? try read(other("identity.key")) : keys.newest.key
        }
        try overwrite(place("identity.key"), with: content)
    }

    @Test("A wrong file of keys is quarantined, and a new key epoch begins", arguments: Wrong.allCases)
    func wrong(_ wrong: Wrong) throws {
        _ = try live()
        let right = try read(place("identity.key"))
        try put(wrong)

        let asked = try place.tool.run("events", "--user", AttackerTests.alice)
        #expect(asked.status == 77 && asked.output.isEmpty, "\(asked)")
        #expect(asked.errors.contains("cannot look up --user \(AttackerTests.alice)"), "\(asked.errors)")

        let errors = try live()
        #expect(quarantined.count == 1, "\(names(in: place.path))")
        #expect(errors.contains(quarantined.first ?? "-"), "\(errors)")
        #expect(try KeyFile(place("identity.key")).epochs.map(\.number) == [2])
        #expect(try place.tool.exposition().value("qpc_plugin_files_set_aside_total") == 1)
        // What was written under the lost key is there, but not by name.
        #expect(try place.tool.count() == 2 * 7)
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 2)
        try place.tool.verify()

        // The right file is put back: the old events are found again, and new ones go under a third epoch.
        try overwrite(place("identity.key"), with: right)
        #expect(try live().contains("holds keys") == false)
        #expect(try KeyFile(place("identity.key")).epochs.map(\.number) == [1, 3])
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 4)
    }

    @Test("A log from before the checks takes the key that is there, and knows it from then on")
    func olderLog() throws {
        _ = try live()
        try place.log.change("DELETE FROM state WHERE key LIKE 'key_check_%'")
        #expect(try live().contains("holds keys") == false)
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 4)
        try put(.anotherLogs)
        #expect(try live().contains("holds keys of another log"))
    }

    @Test("A file that is replaced under a running server is neither rotated nor trusted")
    func replacedInUse() throws {
        _ = try live(["KEY_ROTATION": "off"])
        let host = try place.server(["KEY_ROTATION": "3s"])
        try put(.anotherLogs)
        let foreign = try read(place("identity.key"))
        try AttackerTests.act(host)
        try eventually("the replacement is noticed") { host.errors.contains("holds other keys than those in use") }
        try host.shutDown()
        #expect(try read(place("identity.key")) == foreign)
        // Its own rows were written under its own key.
        #expect(try live().contains("holds keys of another log"))
    }
}
