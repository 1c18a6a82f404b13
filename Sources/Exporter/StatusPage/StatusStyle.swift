/// The status page's style sheet: one column on a phone, light or dark as the reader prefers.
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
        figure .note{font-size:.9rem}
        nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:.25rem 0;padding:0}
        a,summary{scroll-margin:.75rem}
        nav a,nav span{display:inline-block;padding:.15rem 0}
        nav span{font-weight:600}
        small{font-size:.85rem;color:var(--soft)}
        .path{overflow-wrap:anywhere}
        .panel{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;min-width:0}
        .panel table{font-size:.9rem}
        .panel th,.panel td{padding:.3rem .2rem}
        @media(max-width:26rem){.panel td.n{white-space:normal}.panel{padding:.5rem}}
        main>.note{margin:.25rem 0 .75rem}
        caption{text-align:left;font-weight:600;padding-bottom:.25rem}
        caption.note{font-weight:400}
        ul.notes{margin:.5rem 0;padding-left:1.25rem;color:var(--bad)}
        dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(8.5rem,44%),1fr));gap:.75rem;margin:0}
        dl div{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .75rem}
        dl .long{grid-column:span 2}
        dt{color:var(--soft);font-size:.85rem}
        dd{margin:0;font-size:1.2rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
        .charts{margin-top:.75rem;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
        figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;\
        min-width:0}
        figcaption{font-weight:600}
        .plot{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.25rem .5rem;margin:.9rem 0 .5rem;\
        font-size:.8rem;line-height:1.2;color:var(--soft);font-variant-numeric:tabular-nums}
        .plot p{display:flex;justify-content:space-between;margin:0}
        .plot .up-axis{flex-direction:column;text-align:right;margin:-.6em 0}
        .plot .time-axis{grid-column:2}
        svg{display:block;width:100%;height:7rem;overflow:visible}
        .grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
        .a{stroke:var(--a)}.b{stroke:var(--b);stroke-dasharray:6 3}
        .a,.b{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
        .dot{stroke-width:6;stroke-dasharray:none}
        .key{display:inline-block;width:1.5rem;border-top:3px solid var(--a);vertical-align:middle;\
        margin-right:.35rem}
        .key.two{border-top:3px dashed var(--b)}
        .legend span{margin-right:1rem;white-space:nowrap}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th,td{text-align:left;vertical-align:baseline;padding:.3rem .4rem;border-bottom:1px solid var(--line)}
        td.n,th.n{text-align:right;white-space:nowrap}
        table a{display:inline-block;padding:.15rem 0}
        details{margin-top:.25rem}
        summary{cursor:pointer;color:var(--a);padding:.1rem 0}
        code{font:0.95em ui-monospace,SFMono-Regular,Menlo,monospace}
        footer{padding:2rem 1rem;color:var(--soft);font-size:.9rem}
        @media(forced-colors:active){.a,.b{stroke:CanvasText}}
        """
}
