import CMachine
import Foundation

/// Reads a data directory as an attacker who has stolen it would: every byte of every file, whatever file it is, and the
/// names of the files.
///
/// A secret is searched for as it is, in hexadecimal of either case, and, if it is text, in any mix of ASCII cases.
public struct Attacker {
    public struct Secret: Sendable {
        public let label: String
        public let bytes: [UInt8]

        /// A user's name, or another text.
        public init(name: String) {
            label = "name \(name)"
            bytes = Array(name.utf8)
        }

        /// A key, a channel or a pseudonym.
        public init(_ label: String, bytes: [UInt8]) {
            self.label = label
            self.bytes = bytes
        }

        public init(_ label: String, hexadecimal: String) throws {
            let digits = hexadecimal.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
            guard digits.count == hexadecimal.utf8.count, digits.count % 2 == 0, !digits.isEmpty else {
                throw TestFailure("\(hexadecimal) is not hexadecimal")
            }
            self.init(label, bytes: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        }
    }

    public struct Find: Sendable, CustomStringConvertible {
        public let file: String
        /// Negative for the file's name.
        public let offset: Int
        public let secret: String

        public var description: String { "\(file)\(offset < 0 ? "'s name" : "+\(offset)") holds \(secret)" }
    }

    /// Where the secrets are; each is listed once per file.
    ///
    /// - Parameter leaving: names of files that are not searched, such as `identity.key`, or `live.qpcm` of a server
    ///   that died and is not recovered.
    /// - Throws: `TestFailure` for a secret that is too short to mean anything when it is found, for a file that cannot be
    ///   read, and for a directory without files: a search that cannot find anything proves nothing.
    public static func finds(
        _ secrets: [Secret], in directory: String, leaving: Set<String> = []
    ) throws -> [Find] {
        guard !secrets.isEmpty else { throw TestFailure("there is nothing to look for") }
        if let short = secrets.first(where: { $0.bytes.count < 4 }) {
            throw TestFailure("\(short.label) is too short to be looked for")
        }
        let files = try everyFile(in: directory)
        guard !files.isEmpty else { throw TestFailure("\(directory) has no files") }
        var finds: [Find] = []
        for file in files {
            for secret in secrets where offset(of: secret, in: Array(file.utf8)) != nil {
                finds.append(Find(file: file, offset: -1, secret: secret.label))
            }
            // A socket holds nothing.
            if leaving.contains(file) || !isPlain(directory + "/" + file) { continue }
            // A file that vanished in between, such as a temporary one, no longer holds anything.
            guard let content = try? read(directory + "/" + file) else {
                if permissions(directory + "/" + file) == nil { continue }
                throw TestFailure("\(file) cannot be read")
            }
            let lowered = lowered(content)
            for secret in secrets {
                guard let offset = offset(of: secret, in: content, lowered: lowered) else { continue }
                finds.append(Find(file: file, offset: offset, secret: secret.label))
            }
        }
        return finds
    }

    /// Relative to the directory, including those in subdirectories, and links by their text.
    private static func everyFile(in directory: String) throws -> [String] {
        guard let paths = FileManager.default.enumerator(atPath: directory) else {
            throw TestFailure("\(directory) cannot be listed")
        }
        return paths.compactMap { $0 as? String }.filter { path in
            var status = stat()
            return lstat(directory + "/" + path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
        }.sorted()
    }

    private static func isPlain(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func offset(of secret: Secret, in content: [UInt8]) -> Int? {
        offset(of: secret, in: content, lowered: lowered(content))
    }

    private static func offset(of secret: Secret, in content: [UInt8], lowered: [UInt8]) -> Int? {
        if let found = first(secret.bytes, in: content) { return found }
        // For bytes that are not text, only hexadecimal digits have upper and lower case.
        if secret.label.hasPrefix("name "), let found = first(self.lowered(secret.bytes), in: lowered) { return found }
        return first(Array(hex(secret.bytes).utf8), in: lowered)
    }

    /// Where the bytes are first; nil if they are not there.
    public static func first(_ needle: [UInt8], in content: [UInt8]) -> Int? {
        content.withUnsafeBytes { content in
            needle.withUnsafeBytes { needle in
                guard let start = content.baseAddress,
                    let found = memmem(start, content.count, needle.baseAddress!, needle.count)
                else { return nil }
                return UnsafeRawPointer(found) - start
            }
        }
    }

    /// Goes word by word over empty content: most of a ring is empty.
    private static func lowered(_ content: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: content.count) { target, count in
            content.withUnsafeBytes { content in
                var index = 0
                while index < content.count {
                    if index + 8 <= content.count, content.loadUnaligned(fromByteOffset: index, as: UInt64.self) == 0 {
                        UnsafeMutableRawPointer(target.baseAddress! + index).storeBytes(of: 0, as: UInt64.self)
                        index += 8
                    } else {
                        let byte = content[index]
                        target[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
                        index += 1
                    }
                }
            }
            count = content.count
        }
    }
}
