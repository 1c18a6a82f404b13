import Foundation
import Glibc

/// What another process has in memory.
public struct ProcessMemory {
    private struct Mapping {
        var start: UInt
        var end: UInt
        var isWritable: Bool
        var name: String
        /// Left out of core dumps and empty in a forked child: memory for secrets.
        var isSecret = false
        var isLocked = false
    }

    private let mappings: [Mapping]
    private let contents: [[UInt8]]

    public init(_ pid: pid_t) throws {
        var mappings: [Mapping] = []
        for line in try shell("cat /proc/\(pid)/smaps").text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let range = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if range.count == 2, words.count > 1 {
                let name = words.count > 5 ? String(words[5]) : "anonymous"
                mappings.append(
                    Mapping(start: range[0], end: range[1], isWritable: words[1].hasPrefix("rw"), name: name))
            } else if words[0] == "VmFlags:" {
                mappings[mappings.count - 1].isSecret = words.contains("dd") && words.contains("wf")
                mappings[mappings.count - 1].isLocked = words.contains("lo")
            }
        }
        let descriptor = open("/proc/\(pid)/mem", O_RDONLY)
        guard descriptor >= 0 else { throw TestFailure.system("open the memory of \(pid)", errno) }
        defer { close(descriptor) }
        self.mappings = mappings.filter(\.isWritable)
        contents = self.mappings.map { mapping in
            var content = [UInt8](repeating: 0, count: Int(mapping.end - mapping.start))
            let count = pread(descriptor, &content, content.count, off_t(mapping.start))
            return Array(content.prefix(max(0, count)))
        }
    }

    /// The first 32 bytes of each page for secrets that is in use.
    public var secrets: Set<[UInt8]> {
        var found: Set<[UInt8]> = []
        for (mapping, content) in zip(mappings, contents) where mapping.isSecret {
            for page in stride(from: 0, to: content.count, by: 4096) {
                let start = Array(content[page..<page + 32])
                if start.contains(where: { $0 != 0 }) { found.insert(start) }
            }
        }
        return found
    }

    public var isLocked: Bool { mappings.filter(\.isSecret).allSatisfy(\.isLocked) }

    public func finds(_ secrets: Set<[UInt8]>, outsideSecrets: Bool) throws -> Int {
        guard contents.contains(where: { !$0.isEmpty }) else { throw TestFailure("the memory could not be read") }
        var found = 0
        for (mapping, content) in zip(mappings, contents) where !(outsideSecrets && mapping.isSecret) {
            for secret in secrets where Attacker.first(secret, in: content) != nil { found += 1 }
        }
        return found
    }

    /// The mappings in which any of these is, each once, as /proc/PID/smaps names them.
    ///
    /// - Parameter length: of each of them, in bytes.
    public func places(of secrets: Set<[UInt8]>, length: Int) -> [String: Int] {
        // By their first two bytes: thousands are looked for at once.
        var known: [Int: [[UInt8]]] = [:]
        for secret in secrets { known[Int(secret[0]) << 8 | Int(secret[1]), default: []].append(secret) }
        let begins = (0..<65_536).map { known[$0] != nil }
        var found: [String: Int] = [:]
        for (mapping, content) in zip(mappings, contents) where content.count >= length {
            content.withUnsafeBufferPointer { bytes in
                for at in 1...(bytes.count - length + 1) {
                    let pair = Int(bytes[at - 1]) << 8 | Int(bytes[at])
                    guard begins[pair] else { continue }
                    let first = at - 1
                    for secret in known[pair, default: []] where bytes[first..<first + length].elementsEqual(secret) {
                        found[mapping.name, default: 0] += 1
                    }
                }
            }
        }
        return found
    }
}
