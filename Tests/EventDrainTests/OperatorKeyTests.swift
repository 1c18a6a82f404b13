import Foundation
import Pseudonyms
import TestSupport
import Testing

/// An operator's key pair, and `identity.key` under it.
@Suite struct OperatorKeyTests {
    private let place = TemporaryDirectory()
    private var path: String { place("identity.key") }

    private func secret(_ text: String) -> SecretBytes {
        let bytes = SecretBytes(count: text.utf8.count)
        bytes.start.copyMemory(from: Array(text.utf8), byteCount: bytes.count)
        return bytes
    }

    private func text(_ bytes: SecretBytes) -> String { String(decoding: bytes.bytes, as: UTF8.self) }

    /// As its documentation draws it.
    private struct Sealed: Equatable {
        var number: UInt64
        var owner: [UInt8]
        var key: [UInt8]
    }

    private func sealed() throws -> [Sealed] {
        let bytes = try read(path)
        #expect(bytes[8] == 2 && bytes.count == 16 + 152 * Int(bytes[12]) + 16)
        return stride(from: 16, to: bytes.count - 16, by: 152).map {
            Sealed(number: UInt64(bytes[$0]), owner: Array(bytes[$0 + 16..<$0 + 48]), key: Array(bytes[$0 + 72..<$0 + 152]))
        }
    }

    @Test func aPublicKeyIsFoundInTextAndASlipIsNoticed() throws {
        let key = try OperatorSecret.make().publicKey
        let found = try #require(OperatorKey.find(in: Array("# mine\n\(key.text)\n".utf8)))
        #expect(found.text == key.text && OperatorKey.isSame(found, key))
        #expect(key.text.hasPrefix("qpc-operator-") && key.text.utf8.count == 13 + 72)
        #expect(OperatorKey.find(in: Array("nothing here".utf8)) == nil)
        let digits = Array(key.text.utf8)
        for index in digits.indices.dropFirst(13) {
            var wrong = digits
            wrong[index] = wrong[index] == 0x30 ? 0x31 : 0x30
            #expect(OperatorKey.find(in: wrong) == nil, "digit \(index)")
            #expect(OperatorKey.find(in: Array(digits[..<index])) == nil, "\(index) digits")
        }
    }

    @Test func aPrivateKeySurvivesItsFile() throws {
        let made = try OperatorSecret.make()
        let clear = try made.line(passphrase: nil)
        #expect(text(clear).hasPrefix("QPC-OPERATOR-SECRET-") && !OperatorSecret.isLocked(clear))
        #expect(
            try OperatorSecret.read(secret("# a comment\n" + text(clear) + "\n"), passphrase: nil).publicKey.text
                == made.publicKey.text)
        // OpenSSL's X25519 agrees about the public key: PKCS #8's head, then the key.
        let digits = text(clear).dropFirst("QPC-OPERATOR-SECRET-".count).prefix(64)
        let openssl = try shell(
            "printf 302e020100300506032b656e04220420\(digits) | xxd -r -p | openssl pkey -inform DER -pubout -outform DER | "
                + "tail -c 32 | xxd -p -c 32")
        #expect(made.publicKey.text.contains(openssl.text.trimmingCharacters(in: .whitespacesAndNewlines)))

        let locked = try made.line(passphrase: secret("correct horse"), memoryKiB: 64, passes: 1)
        #expect(text(locked).hasPrefix("QPC-OPERATOR-LOCKED-") && OperatorSecret.isLocked(locked))
        #expect(!text(locked).contains(digits))
        let opened = try OperatorSecret.read(locked, passphrase: secret("correct horse"))
        #expect(opened.publicKey.text == made.publicKey.text)
        #expect(throws: OperatorSecret.Problem.self) { _ = try OperatorSecret.read(locked, passphrase: nil) }
        #expect(throws: OperatorSecret.Problem.self) { _ = try OperatorSecret.read(locked, passphrase: secret("correct house")) }
        let again = try made.line(passphrase: secret("correct horse"), memoryKiB: 64, passes: 1)
        #expect(text(again) != text(locked))
        for line in [text(clear), text(locked)] {
            let all = Array(line.utf8)
            for index in all.indices.dropFirst(20) {
                var wrong = all
                wrong[index] = wrong[index] == 0x30 ? 0x31 : 0x30
                let damaged = secret(String(decoding: wrong, as: UTF8.self))
                #expect(throws: OperatorSecret.Problem.self, "digit \(index)") {
                    _ = try OperatorSecret.read(damaged, passphrase: secret("correct horse"))
                }
            }
        }
    }

    @Test func onlyTheOperatorOpensWhatIsSealed() throws {
        let mine = try OperatorSecret.make()
        let other = try OperatorSecret.make()
        let made = try IdentityKeys.make(directory: place.path, epoch: 3, nowMicroseconds: 5, sealedTo: mine.publicKey)
        let alice = try #require(made.newest.key).pseudonym(of: Array("alice".utf8))
        #expect(permissions(path) == 0o600)
        let found = try IdentityKeys.load(directory: place.path)
        #expect(found.newest.key == nil && found.newest.number == 3 && found.newest.startedMicroseconds == 5)
        #expect(found.newest.fingerprint == made.newest.fingerprint)
        #expect(throws: IdentityKeyError.self) { _ = try IdentityKeys.load(directory: place.path, opening: other) }
        let opened = try IdentityKeys.load(directory: place.path, opening: mine)
        #expect(opened.newest.key?.pseudonym(of: Array("alice".utf8)) == alice)
        // No window of the file is the key.
        let bytes = try read(path)
        for start in 0...bytes.count - 32 {
            let guess = bytes[start..<start + 32].withUnsafeBytes { IdentityKey($0) }
            #expect(guess.pseudonym(of: Array("alice".utf8)) != alice)
        }
    }

    @Test func aRotationLeavesOnlyTheNewKeyInMemoryAndTheOperatorHasAll() throws {
        let mine = try OperatorSecret.make()
        let one = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5, sealedTo: mine.publicKey)
        let two = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 6, sealedTo: mine.publicKey)
        #expect(two.epochs.map(\.number) == [1, 2] && two.epochs[0].key == nil && two.newest.key != nil)
        try two.expectUnchanged(directory: place.path)
        #expect(throws: IdentityKeyError.self) { try one.expectUnchanged(directory: place.path) }
        let left = try #require(try IdentityKeys.destroy([1], directory: place.path))
        #expect(
            left.newest.key == nil && left.with(memoryOf: two).newest.key != nil && left.with(memoryOf: one).newest.key == nil)
        let opened = try IdentityKeys.load(directory: place.path, opening: mine)
        #expect(opened.epochs.count == 1 && opened.newest.key?.fingerprint == two.newest.fingerprint)
        #expect(try IdentityKeys.destroy([2], directory: place.path) == nil)
        #expect(names(in: place.path).isEmpty)
    }

    @Test func clearKeysAreSealedInOneStepAndTheirFileIsOverwritten() throws {
        let mine = try OperatorSecret.make()
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        let clear = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 6)
        let before = try TestSupport.KeyFile(path).epochs
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let sealed = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 7, sealedTo: mine.publicKey)
        #expect(names(in: place.path) == ["identity.key"])
        #expect(sealed.epochs.map { $0.key == nil } == [true, true, false])
        var left = [UInt8](repeating: 1, count: 500)
        let count = Glibc.read(descriptor, &left, 500)
        #expect(count > 0 && left[..<count].allSatisfy { $0 == 0 })
        let secrets = before.map { Attacker.Secret("key \($0.number)", bytes: $0.key) }
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        let opened = try IdentityKeys.load(directory: place.path, opening: mine)
        for (one, other) in zip(opened.epochs, clear.epochs) {
            #expect(one.key?.pseudonym(of: [1]) == other.key?.pseudonym(of: [1]) && one.number == other.number)
        }
        #expect(try self.sealed().map(\.number) == [1, 2, 3])
        #expect(try Set(self.sealed().map(\.owner)).count == 1 && Set(self.sealed().map(\.key)).count == 3)
    }

    @Test func theOperatorsKeyMayChangeAndBeGivenUp() throws {
        let (old, new) = (try OperatorSecret.make(), try OperatorSecret.make())
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5, sealedTo: old.publicKey)
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 6, sealedTo: new.publicKey)
        let clear = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 7)
        let loaded = try IdentityKeys.load(directory: place.path)
        #expect(loaded.epochs.map { $0.key == nil } == [true, true, false])
        #expect(loaded.newest.key?.fingerprint == clear.newest.fingerprint)
        let byOld = try IdentityKeys.load(directory: place.path, opening: old)
        #expect(byOld.epochs.map { $0.key == nil } == [false, true, false])
        #expect(try IdentityKeys.seal(directory: place.path, to: new.publicKey).epochs.allSatisfy { $0.key == nil })
        let byNew = try IdentityKeys.load(directory: place.path, opening: new)
        #expect(byNew.epochs.map { $0.key == nil } == [true, false, false])
    }

    /// `UPDATE_GOLDENS=1` makes the files if they are not there; they are never changed.
    @Test func theFirstFileOfSealedKeysIsStillOpened() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Released/"
        if ProcessInfo.processInfo.environment["UPDATE_GOLDENS"] != nil, access(folder + "identity.key.2", F_OK) != 0 {
            let made = try OperatorSecret.make()
            try overwrite(folder + "operator.key.2", with: Array((text(made.line(passphrase: nil)) + "\n").utf8))
            try overwrite(path, with: read(folder + "identity.key.1"))
            _ = try IdentityKeys.seal(directory: place.path, to: made.publicKey)
            try overwrite(folder + "identity.key.2", with: read(path))
        }
        let key = try TestSupport.KeyFile(folder + "identity.key.1").newest
        try overwrite(path, with: read(folder + "identity.key.2"))
        let file = secret(String(decoding: try read(folder + "operator.key.2"), as: UTF8.self))
        let operatorSecret = try OperatorSecret.read(file, passphrase: nil)
        let opened = try IdentityKeys.load(directory: place.path, opening: operatorSecret)
        #expect(opened.newest.number == Int64(key.number) && opened.newest.startedMicroseconds == key.started)
        #expect(opened.newest.key?.fingerprint == key.key.withUnsafeBytes { IdentityKey($0).fingerprint })
    }

    @Test func aDamagedSealedFileIsRefused() throws {
        let mine = try OperatorSecret.make()
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 5, sealedTo: mine.publicKey)
        let whole = try read(path)
        // A damaged format number alone is put back: IdentityKeysTests.
        for index in whole.indices where !(8..<12).contains(index) {
            var damaged = whole
            damaged[index] ^= 0x10
            try overwrite(path, with: damaged)
            #expect(throws: IdentityKeyError.self, "byte \(index)") { _ = try IdentityKeys.load(directory: place.path) }
        }
        for count in 0..<whole.count where count != 32 {
            try overwrite(path, with: Array(whole[..<count]))
            #expect(throws: IdentityKeyError.self, "\(count) bytes") { _ = try IdentityKeys.load(directory: place.path) }
        }
    }

    /// A key is not in a core dump, and a forked child has zeros in its place.
    @Test func secretMemoryIsLeftOutOfDumpsAndForks() throws {
        let bytes = SecretBytes(count: 40)
        memset(bytes.start, 0x5A, 40)
        let address = UInt(bitPattern: bytes.start)
        let maps = try shell("cat /proc/\(getpid())/smaps").text
        var flags: Substring?
        var isIn = false
        for line in maps.split(separator: "\n") {
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            if range.count == 2 { isIn = range[0] <= address && address < range[1] }
            if isIn, line.hasPrefix("VmFlags:") { flags = line }
        }
        let words = try #require(flags).split(separator: " ")
        #expect(words.contains("dd") && words.contains("wf"), "\(words)")
        withExtendedLifetime(bytes) {}
    }
}
