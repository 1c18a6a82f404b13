/// Eight buckets per power of two, as in Prometheus' native histograms of schema 3: bucket `i` is (2^((i - 1) / 8), 2^(i / 8)],
/// and bucket 0 holds 0 and 1. The middle of a value's bucket tells the value to within 4.5 %.
public enum FineBuckets {
    /// One more than the largest bucket of a 64-bit value.
    public static let count = 513

    /// 2^(63 + j / 8), rounded down, for j from 0 to 7.
    @inline(__always)
    private static func bound(_ j: Int) -> UInt64 {
        switch j {
        case 0: return 0x8000_0000_0000_0000
        case 1: return 0x8B95_C1E3_EA8B_D6E6
        case 2: return 0x9837_F051_8DB8_A96F
        case 3: return 0xA5FE_D6A9_B151_38EA
        case 4: return 0xB504_F333_F9DE_6484
        case 5: return 0xC567_2A11_5506_DADD
        case 6: return 0xD744_FCCA_D69D_6AF4
        default: return 0xEAC0_C6E7_DD24_392E
        }
    }

    public static func bucket(of value: UInt64) -> Int {
        if value <= 1 { return 0 }
        let zeros = value.leadingZeroBitCount
        let mantissa = value << UInt64(zeros)
        var bucket = 8 * (63 - zeros)
        for j in 0..<8 where mantissa > bound(j) { bucket += 1 }
        return bucket
    }

    /// The value that is within 4.5 % of every value in a bucket: 2^((i - 1/2) / 8).
    public static func middle(_ bucket: Int) -> Double {
        guard bucket > 0 else { return 1 }
        let sixteenths = 2 * bucket - 1
        return Double(sign: .plus, exponent: sixteenths / 16, significand: sixteenth(sixteenths % 16))
    }

    /// 2^(r / 16), for odd r below 16.
    private static func sixteenth(_ r: Int) -> Double {
        switch r {
        case 1: return 1.0442737824274138
        case 3: return 1.1387886347566916
        case 5: return 1.241857812073484
        case 7: return 1.3542555469368927
        case 9: return 1.4768261459394993
        case 11: return 1.6104903319492543
        case 13: return 1.7562521603732995
        default: return 1.9152065613971474
        }
    }
}
