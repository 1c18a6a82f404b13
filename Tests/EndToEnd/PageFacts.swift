/// What can be measured on a page once it is laid out.
struct PageFacts: Decodable {
    struct Measure: Decodable {
        var value: Double
        var of: String
    }

    var pageWidth: Double
    var viewWidth: Double
    /// Elements that extend beyond the viewport.
    var beyond: [String]
    var smallestText: Measure
    /// Between a text and its background.
    var lowestContrast: Measure
    /// The height of the smallest touch target.
    var lowestTarget: Measure
    /// From 0 (black) to 1.
    var brightness: Double
    var scripts: Int
    var chartColumns: Int

    /// An expression in JavaScript.
    static let script = """
        (() => {
            const parse = text => { const c = text.match(/[0-9.]+/g).map(Number); return c.length < 4 ? [...c, 1] : c };
            const linear = v => v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4;
            const luminance = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
            const behind = e => {
                for (; e; e = e.parentElement) {
                    const c = parse(getComputedStyle(e).backgroundColor);
                    if (c[3] === 1) return c;
                }
                return [255, 255, 255, 1];
            };
            const contrast = (a, b) => {
                const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
                return (high + 0.05) / (low + 0.05);
            };
            const texts = [];
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const element = walker.currentNode.parentElement, what = walker.currentNode.data.trim();
                if (!what || !element.checkVisibility() || element.closest('.skip')) continue;
                const style = getComputedStyle(element), svg = element.closest('svg');
                const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
                texts.push({
                    of: what, size: parseFloat(style.fontSize) * scale,
                    contrast: contrast(parse(svg ? style.fill : style.color), behind(element))});
            }
            const least = (list, of) => list.reduce((a, b) => of(b) < of(a) ? b : a);
            const small = least(texts, t => t.size), faint = least(texts, t => t.contrast);
            const targets = [...document.querySelectorAll('summary, table a')].filter(e => e.checkVisibility());
            const low = least(targets, e => e.getBoundingClientRect().height);
            const figures = [...document.querySelectorAll('figure')].map(e => Math.round(e.getBoundingClientRect().left));
            return {
                pageWidth: document.documentElement.scrollWidth, viewWidth: document.documentElement.clientWidth,
                beyond: [...document.querySelectorAll('body *')].filter(e => {
                    const r = e.getBoundingClientRect();
                    return e.checkVisibility() && !e.closest('.skip')
                        && (r.right > document.documentElement.clientWidth + 0.5 || r.left < -0.5);
                }).map(e => e.outerHTML.slice(0, 80)),
                smallestText: {value: small.size, of: small.of}, lowestContrast: {value: faint.contrast, of: faint.of},
                lowestTarget: {value: low.getBoundingClientRect().height, of: low.textContent},
                brightness: luminance(behind(document.body)), scripts: document.scripts.length,
                chartColumns: new Set(figures).size,
            };
        })()
        """
}

/// Where the keyboard focus is.
struct FocusFacts: Decodable {
    var text: String
    var tag: String
    var outlineWidth: Double
    var isInView: Bool

    static let script = """
        (() => {
            const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
            return {
                text: e === document.body ? '' : e.textContent.trim(), tag: e.tagName,
                outlineWidth: s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth),
                isInView: r.width > 0 && r.left >= 0 && r.top >= 0 && r.bottom <= innerHeight && r.right <= innerWidth,
            };
        })()
        """
}
