// Numbers read from files may be anything. Those out of an integer's range become the nearest limit; NaN becomes 0.

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
