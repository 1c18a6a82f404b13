// Numbers out of files may be anything. What cannot be said in an integer becomes the nearest that can; NaN becomes 0.

extension UInt64 {
    public init(saturating value: Double) {
        self = value >= 0x1p64 ? .max : value > 0 ? UInt64(value) : 0
    }
}

extension Int64 {
    public init(saturating value: Double) {
        self = value >= 0x1p63 ? .max : value <= -0x1p63 ? .min : value == value ? Int64(value) : 0
    }
}
