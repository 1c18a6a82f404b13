/// The status page's looks: one column on a phone, light and dark as the reader has it.
enum StatusStyle {
    static let css = """
        :root{color-scheme:light dark;--back:#fbfbfc;--panel:#fff;--ink:#1b1e24;--soft:#555d6b;--line:#d9dde4;\
        --a:#1f5fbf;--b:#b3261e;--good:#176b36;--bad:#b3261e;--warn:#8a5a00}
        @media(prefers-color-scheme:dark){:root{--back:#13151a;--panel:#1c1f26;--ink:#eceef2;--soft:#a9b1bf;\
        --line:#353b47;--a:#7fb0ff;--b:#ff9a90;--good:#78d59b;--bad:#ff9a90;--warn:#f0c05a}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--back);color:var(--ink);\
        font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
        main,header,footer{max-width:64rem;margin:0 auto;padding:0 1rem}
        header{padding-top:1.25rem}
        h1{font-size:1.4rem;margin:0 0 .25rem}
        h2{font-size:1.1rem;margin:2rem 0 .75rem}
        p{margin:.25rem 0}
        a{color:var(--a)}
        a:focus-visible,summary:focus-visible{outline:3px solid var(--a);outline-offset:2px;border-radius:2px}
        .skip{position:absolute;left:-99rem}
        .skip:focus{position:static}
        .state{font-size:1.15rem;font-weight:600;border-left:.4rem solid;padding:.4rem .75rem;margin:1rem 0;\
        background:var(--panel)}
        .up{color:var(--good)}.down{color:var(--bad)}.wait{color:var(--warn)}
        .note{color:var(--soft)}
        ul.notes{margin:.5rem 0;padding-left:1.25rem;color:var(--bad)}
        dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.75rem;margin:0}
        dl div{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .75rem}
        dt{color:var(--soft);font-size:.85rem}
        dd{margin:0;font-size:1.2rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
        figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;\
        min-width:0}
        figcaption{font-weight:600}
        svg{display:block;width:100%;height:auto;margin:.5rem 0}
        .grid{stroke:var(--line);stroke-width:1}
        .axis{fill:var(--soft);font-size:12px}
        .a{stroke:var(--a)}.b{stroke:var(--b);stroke-dasharray:6 3}
        .a,.b{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
        .key{display:inline-block;width:1.5rem;border-top:3px solid var(--a);vertical-align:middle;\
        margin-right:.35rem}
        .key.two{border-top:3px dashed var(--b)}
        .legend span{margin-right:1rem;white-space:nowrap}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
        td.n,th.n{text-align:right}
        details{margin-top:.25rem}
        summary{cursor:pointer;color:var(--a)}
        code{font:0.95em ui-monospace,SFMono-Regular,Menlo,monospace}
        footer{padding:2rem 1rem;color:var(--soft);font-size:.9rem}
        @media(forced-colors:active){.a,.b{stroke:CanvasText}}
        """
}
