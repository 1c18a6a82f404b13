import Glibc
import NIOCore

/// The source of a connection, for counting: an IPv4 address, or an IPv6 /64, within which one host can use as many addresses as
/// it likes.
struct AddressKey: Hashable {
    private var family: Int32
    private var number: UInt64

    init(_ address: SocketAddress?) {
        switch address {
        case .v4(let v4):
            family = AF_INET
            number = UInt64(v4.address.sin_addr.s_addr)
        case .v6(let v6):
            var bytes = v6.address.sin6_addr
            (family, number) = withUnsafeBytes(of: &bytes) { bytes in
                let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
                return isMapped
                    ? (AF_INET, UInt64(bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)))
                    : (AF_INET6, bytes.loadUnaligned(as: UInt64.self))
            }
        default:
            family = AF_UNIX
            number = 0
        }
    }
}
