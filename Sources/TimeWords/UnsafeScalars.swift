/// Which characters could change what a terminal shows or does, and so never reach one raw.
public enum UnsafeScalars {
    /// C0 and C1 controls, DEL, line and paragraph separators, all that changes the direction of
    /// text, and the invisible tags, marks and annotations. Joiners are left alone: emoji and
    /// several scripts need them.
    public static func contains(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x206F: true
        case 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F: true
        default: false
        }
    }
}
