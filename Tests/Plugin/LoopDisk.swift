import Foundation
import TestSupport

/// A file system of its own, ext4 or xfs, in a file behind a loop device; it goes with its owner.
final class LoopDisk {
    let path: String
    private let image: String
    private let place = TemporaryDirectory()

    /// Nil where this is not allowed, which is then reported.
    init?(_ kind: String, for what: String) throws {
        guard try shell("command -v xfs_io mkfs.\(kind)").status == 0 else {
            skip("\(what) on \(kind)", because: "xfs_io or mkfs.\(kind) is not installed")
            return nil
        }
        image = place("image")
        path = place("mount")
        mkdir(path, 0o755)
        let make = kind == "xfs" ? "mkfs.xfs -q -f" : "mkfs.ext4 -q -F"
        guard try shell("truncate -s 2G \(image) && \(make) \(image)").status == 0, try mount() else {
            skip("\(what) on \(kind)", because: "no loop device can be mounted here")
            return nil
        }
    }

    func mount() throws -> Bool { try run(["mount", "-o", "loop", image, path]).status == 0 }

    /// Stops the file system at once: what is not on the disk is gone, and every call fails from now on.
    func shutDown() throws {
        let outcome = try run(["xfs_io", "-x", "-c", "shutdown", path])
        guard outcome.status == 0 else { throw TestFailure("xfs_io: \(outcome.errors)") }
    }

    /// What ext4 does to itself after an error, when told to remount read-only.
    func abort() throws {
        let outcome = try run(["mount", "-o", "remount,abort", path])
        guard outcome.status == 0 else { throw TestFailure("remount: \(outcome.errors)") }
    }

    /// Unmounts and mounts it again, as after the machine's restart.
    func restore() throws {
        try eventually("it can be unmounted") { try run(["umount", path]).status == 0 }
        guard try mount() else { throw TestFailure("it does not mount again") }
    }

    deinit { _ = try? run(["umount", "-l", path]) }
}
