/// The keys of `top`.
enum Key {
    case quit
    case pause
    case help
    case left
    case right
    case up
    case down

    /// The keys among the bytes from a terminal; others are ignored.
    static func keys(_ bytes: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var index = 0
        while index < bytes.count {
            // An arrow is ESC [ A, or ESC O A in the terminal's application mode.
            if bytes[index] == 0x1B, index + 2 < bytes.count, bytes[index + 1] == 0x5B || bytes[index + 1] == 0x4F {
                switch bytes[index + 2] {
                case 0x41: keys.append(.up)
                case 0x42: keys.append(.down)
                case 0x43: keys.append(.right)
                case 0x44: keys.append(.left)
                default: break
                }
                index += 3
                continue
            }
            switch bytes[index] {
            case 0x71, 0x51: keys.append(.quit)
            case 0x20: keys.append(.pause)
            case 0x3F, 0x68: keys.append(.help)
            default: break
            }
            index += 1
        }
        return keys
    }
}
