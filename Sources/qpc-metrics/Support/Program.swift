import CProgram
import Glibc

/// How this program was started.
enum Program {
    /// The arguments, as the C runtime has them: `CommandLine` reads `/proc`, which may not be mounted.
    static var arguments: [String] {
        (1..<max(1, qpcm_argument_count())).compactMap { qpcm_argument($0).map { String(cString: $0) } }
    }

    /// The directory that contains it; nil if the kernel does not say.
    static var directory: String? { path.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } } }

    /// Its own file, so that it can start itself again; nil if the kernel does not say.
    static var path: String? {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let started = qpcm_program_path(), realpath(started, &path) != nil else { return nil }
        return String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
