/// A number as decimal digits and the position of the point, from which each format's notation is built.
///
/// Counts divided by a power of ten never pass through a binary fraction, so 25 nanoseconds are 2.5e-08 and a sum keeps its last
/// digit.
struct DecimalText {
    /// ASCII digits, neither the first nor the last of them 0; empty for zero.
    private var digits: [UInt8]
    /// The number is 0.digits times ten to this power.
    private var point: Int
    private var isNegative = false

    enum Style {
        /// Without an exponent wherever people would write none.
        case plain
        /// As Go prints a float64 with %g, and hence as client_golang prints bounds: an exponent from 1e+06 on.
        case go
        /// OpenMetrics' canonical form: Go's, with ".0" where nothing else shows that it is a float.
        case canonical
    }

    init(_ value: UInt64) {
        digits = Array(String(value).utf8)
        point = digits.count
        trim()
    }

    /// `value / scale`, exactly if the scale is a power of ten.
    init(_ value: UInt64, dividedBy scale: Double) {
        var power = 0
        var rest = scale
        // Up to 1e15, each division by ten is exact.
        while rest >= 10 && rest <= 1e15 && (rest / 10).rounded() * 10 == rest {
            rest /= 10
            power += 1
        }
        if rest == 1 {
            self.init(value)
            if value != 0 { point -= power }
        } else {
            self.init(finite: Double(value) / scale)
        }
    }

    /// The fewest digits that read back as the same number.
    init(finite value: Double) {
        precondition(value.isFinite)
        isNegative = value < 0
        digits = []
        point = 0
        var exponent = 0
        var isPastPoint = false
        // The standard library writes "-12.5", "1e+16" or "2.5e-08".
        let parts = value.magnitude.description.utf8.split(separator: 0x65)
        if parts.count == 2 { exponent = Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 }
        for byte in parts[0] {
            if byte == 0x2E {
                isPastPoint = true
            } else {
                digits.append(byte)
                if !isPastPoint { point += 1 }
            }
        }
        point += exponent
        trim()
    }

    private mutating func trim() {
        while digits.last == 0x30 { digits.removeLast() }
        let zeros = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(zeros)
        point -= zeros
        if digits.isEmpty { point = 1 }
    }

    func append(to output: inout [UInt8], _ style: Style) {
        if isNegative { output.append(0x2D) }
        let exponent = point - 1
        if exponent < -4 || exponent >= (style == .plain ? 21 : 6) {
            appendExponential(exponent, to: &output)
            return
        }
        if point <= 0 {
            output += "0.".utf8
            output += repeatElement(0x30, count: -point)
            output += digits
        } else {
            output += digits.prefix(point)
            output += repeatElement(0x30, count: max(0, point - digits.count))
            if digits.count > point {
                output.append(0x2E)
                output += digits.dropFirst(point)
            } else if style == .canonical {
                output += ".0".utf8
            }
        }
    }

    private func appendExponential(_ exponent: Int, to output: inout [UInt8]) {
        output.append(digits[0])
        if digits.count > 1 {
            output.append(0x2E)
            output += digits.dropFirst()
        }
        output += (exponent < 0 ? "e-" : "e+").utf8
        if exponent.magnitude < 10 { output.append(0x30) }
        output += String(exponent.magnitude).utf8
    }
}
