import CMachine

/// The ID of the kernel's boot: ticks, process IDs and what was never synced belong to one boot.
public enum BootID {
    /// 16 bytes; zeros where it cannot be read, and so in a live file made there.
    public static var current: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes.withUnsafeMutableBytes { read(into: $0) }
        return bytes
    }

    /// Whether a file with this boot id can be of this boot: unless both are known and differ. A service that sees nothing but
    /// processes in /proc cannot know.
    public static func canBeCurrent(_ id: UnsafeRawBufferPointer) -> Bool {
        let now = current
        return id.elementsEqual(now) || id.allSatisfy { $0 == 0 } || now.allSatisfy { $0 == 0 }
    }

    public static func read(into target: UnsafeMutableRawBufferPointer) {
        let descriptor = qpcm_open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        var text = [UInt8](repeating: 0, count: 64)
        let count = text.withUnsafeMutableBytes { CMachine.read(descriptor, $0.baseAddress, 64) }
        var digits = 0
        for byte in text.prefix(max(0, count)) where digits < 32 && byte != 0x2D && byte != 0x0A {
            let digit = byte >= 0x61 ? byte &- 0x57 : byte &- 0x30
            target[digits / 2] = digits % 2 == 0 ? digit &<< 4 : target[digits / 2] | digit & 15
            digits += 1
        }
    }
}
