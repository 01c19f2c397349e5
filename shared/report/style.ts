// The style sheet of a report: light, dark where the reader's system is, and A4 or Letter on paper.
// Self-contained, so the colours of the interface's tokens stand here again as values.
// From: the design tokens; the rules for print: black hairlines, every sign has its shape, no fill
// is needed to read.

const LIGHT = `--bg:#fff;--inset:#f7f8fa;--sel:#dce9fd;--text:#171b20;--text2:#444d58;
--text3:#5d6773;
--soft:#e8ebef;--line:#d6dbe1;--strong:#aab3be;--accent:#1b5fc4;--maps:#12736a;--refuses:#8e560c;
--leaks:#6a30c8;--underflows:#9c1408;--wrong:#6a1c56;--emulates:#44607a;--other:#5d6773;
--ring:#b88300;
--w:#2a66b2;--wi:#fff;--r:#d5e5fa;--ri:#174a8c;--t:#e6eaef;--ti:#3c4651;--m:#fbeacb;--mi:#7d4c00;
--z:#d7f1f4;--zi:#0c6270;--n:#fff;--ni:#636d79;--fink:#10151b;--mmu:#a9c6ee;--tdp:#9edbea;
--kvm:#a3dcc6;
--gup:#efd69f;--lock:#cbd2da;--arch:#cfc4ee;--dim:#eceff3;--onlya:#fcf0d6;--onlyb:#e8f0fd`;
const DARK = `--bg:#13161a;--inset:#0f1215;--sel:#1b2b45;--text:#e7eaee;--text2:#b0b8c2;
--text3:#8a939f;
--soft:#20252b;--line:#2b3138;--strong:#46505b;--accent:#7db1ff;--maps:#36d0bd;--refuses:#f0c04a;
--leaks:#a8a0ff;--underflows:#ff8f7f;--wrong:#f0649f;--emulates:#9fb4c8;--other:#8a939f;
--ring:#ffe08a;
--w:#2f6fb8;--wi:#fff;--r:#1c3552;--ri:#a5cdff;--t:#2a3038;--ti:#c5ccd5;--m:#3d2b12;--mi:#f0b765;
--z:#123a40;--zi:#7fdbe8;--n:#101317;--ni:#87909b;--fink:#0e1217;--mmu:#7fa8dd;--tdp:#69bfd8;
--kvm:#6dc3a4;
--gup:#d9b673;--lock:#a2abb6;--arch:#b3a3de;--dim:#8a939f;--onlya:#2b2410;--onlyb:#16243a`;

const PAGE = `*{box-sizing:border-box;margin:0}
html{background:var(--bg);color:var(--text);
font:13px/20px "Inter Variable",Inter,system-ui,"Segoe UI",sans-serif;
font-feature-settings:"tnum" 0}
body{max-width:956px;margin:0 auto;padding:40px 20px 60px}
.mono,pre,code,.num{font-family:"JetBrains Mono Variable","JetBrains Mono",ui-monospace,
"Cascadia Mono","DejaVu Sans Mono",monospace;
font-size:11.5px;font-feature-settings:"zero","calt" 0}
.num,.r{text-align:right}.t2{color:var(--text2)}.t3{color:var(--text3)}
.top{display:flex;gap:8px;padding-bottom:12px;border-bottom:1px solid var(--line);font-size:12px;
color:var(--text2)}
.top b{color:var(--text)}.top .end{margin-inline-start:auto;text-align:right;
overflow-wrap:anywhere}
h1{font-size:28px;line-height:34px;margin:26px 0 6px;font-weight:600;letter-spacing:-.011em;
overflow-wrap:anywhere}
.lede{font-size:15px;line-height:24px;color:var(--text2);max-width:76ch}.note{margin-top:12px;
white-space:pre-wrap;overflow-wrap:anywhere}
.vs{display:grid;grid-template-columns:1fr 1fr;border-top:1px solid var(--text);
border-bottom:1px solid var(--line);margin:22px 0 6px}
.vs>div{padding:14px 20px 14px 30px;position:relative;min-width:0}
.vs>div:nth-child(even){border-inline-start:1px solid var(--line);padding-inline-start:50px}
.vs svg{position:absolute;inset-inline-start:0;top:20px}
.vs>div:nth-child(even) svg{inset-inline-start:20px}
.vs b{display:block;overflow-wrap:anywhere;font-size:19px;line-height:26px;font-weight:600}
.vs>div>span{color:var(--text2);display:block;margin-top:3px}
section{margin-top:28px}h2{font-size:15px;line-height:22px;font-weight:600;margin-bottom:8px;
display:flex;gap:12px}
h2 i{font-style:normal;font-weight:400;color:var(--text3);min-width:16px}h3{font-size:13px;
font-weight:600;margin:14px 0 6px}
h2 a,h2 a:visited{color:inherit;text-decoration:none}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:12px;line-height:18px}
th{text-align:left;font-weight:500;font-size:11px;color:var(--text3);padding:0 10px 5px 0;
border-bottom:1px solid var(--strong);white-space:nowrap}
th.r{text-align:right}td{padding:4px 10px 4px 0;border-bottom:1px solid var(--soft);
vertical-align:top}
td.wrap{overflow-wrap:anywhere}td:last-child,th:last-child{padding-inline-end:0}
.al{table-layout:fixed}.al td{padding:2px 8px 2px 0;overflow-wrap:anywhere}.al col.n{width:52px}
.al col.k{width:36px}
.al td.k,.al th.k{text-align:center;font-weight:600;color:var(--text2);padding-inline:0}
.al tr.hot td{background:var(--sel)}
.al tr[data-mark="A"] td:nth-child(-n+2){background:var(--onlya)}
.al tr[data-mark="B"] td:nth-child(n+4){background:var(--onlyb)}
.vv{display:inline-flex;gap:7px;align-items:center;white-space:nowrap}.vv b{font-weight:500}
svg{fill:currentColor}.v-maps{color:var(--maps)}.v-refuses{color:var(--refuses)}
.v-leaks{color:var(--leaks)}
.v-underflows{color:var(--underflows)}.v-wrong{color:var(--wrong)}
.v-emulates{color:var(--emulates)}.v-other{color:var(--other)}
pre{background:var(--inset);border:1px solid var(--line);border-radius:3px;padding:12px 14px;
line-height:17px;white-space:pre-wrap;overflow-wrap:anywhere}
.cut{color:var(--text3);font-size:11px;margin-top:6px}.addr{color:var(--text3);font-size:11px;
margin-top:6px;overflow-wrap:anywhere}
.mark{border:1px solid var(--strong);border-radius:3px;font-size:11px;line-height:14px;
padding:0 5px;color:var(--text2)}.mark.est{border-style:dashed}
footer{margin-top:30px;padding-top:10px;border-top:1px solid var(--line);font-size:11px;
color:var(--text3)}`;

const FIGURES = `.fig{display:grid;grid-template-columns:minmax(0,660px) minmax(0,1fr);gap:24px;
align-items:start}
.trees{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:24px}
.tree{padding-inline-start:11px;min-width:0}.tree h4{font-size:12px;line-height:18px;
font-weight:600;display:flex;justify-content:space-between;gap:6px;
border-bottom:1px solid var(--soft);margin-bottom:4px}
.tree h4 span{font-weight:400;color:var(--text2);overflow-wrap:anywhere;text-align:right}
.lv{height:52px;margin-bottom:4px}.lv.leaf{height:auto}.lv p{display:flex;
justify-content:space-between;font-size:11px;line-height:15px}
.lv i{display:block;height:14px;
overflow:hidden;color:var(--text3);font-size:11px;line-height:13px;font-style:normal;
text-align:right;white-space:nowrap}.shadow .lv{height:66px}.shadow .lv.leaf{height:auto}
.lv p span{color:var(--text3)}.strip{display:block;width:100%;height:7px;
border:1px solid var(--line);margin-bottom:2px}
.en{display:grid;grid-template-columns:40px minmax(0,1fr) 16px;line-height:18px;
position:relative;font-size:11px}
.en.walk{background:var(--sel)}.en.walk::before{content:"";position:absolute;
inset-inline-start:-9px;top:9px;width:9px;height:34px;border:1.5px solid var(--accent);
border-inline-end:0}
.shadow .en.walk::before{height:48px}
.trees .leaf .en.walk::before{height:0;border-bottom:0}
.en span{overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}.lv em{font-style:normal;color:var(--text3);font-size:11px;line-height:14px;
display:block}
.st{display:inline-block;width:15px;height:14px;margin-top:2px;border:1px solid;
border-radius:2px;font:600 9.5px/12px ui-monospace,monospace;text-align:center;font-style:normal}
.st-writable{background:var(--w);color:var(--wi);border-color:var(--w)}
.st-readonly{background:var(--r);color:var(--ri)}.st-table{background:var(--t);color:var(--ti)}
.st-mmio{background:var(--m);color:var(--mi)}.st-frozen{background:var(--z);color:var(--zi);
border-style:dotted}.st-none{background:var(--n);color:var(--ni);border-style:dashed}
.ring{outline:1.5px solid var(--ring);outline-offset:1px}.page{display:flex;gap:10px;
flex-wrap:wrap;border:1px solid var(--strong);border-radius:3px;background:var(--inset);
padding:5px 10px;margin-top:10px}
.page code:first-child{border:1px solid var(--refuses);color:var(--refuses);border-radius:3px;
padding:0 5px}
.cap b{display:block;margin-top:12px}.cap p{color:var(--text2);font-size:12px;line-height:19px}
.slide{display:flex;gap:12px;align-items:center;margin-bottom:10px}.slide input{flex:1;
accent-color:var(--accent)}.slide output{min-width:220px}
.step{margin-bottom:18px}.live .step{margin-bottom:0}.ends{color:var(--refuses)}
.flame{display:block;width:100%;height:auto}.flame rect{stroke:var(--bg);stroke-width:.6}
.flame text{font:11px ui-monospace,monospace;fill:var(--fink);pointer-events:none}
.f-mmu{fill:var(--mmu)}.f-tdp{fill:var(--tdp)}.f-kvm{fill:var(--kvm)}.f-gup{fill:var(--gup)}
.f-lock{fill:var(--lock)}.f-arch{fill:var(--arch)}.f-dim{fill:var(--dim)}
.open td{color:var(--underflows)}.leaf-key{display:flex;gap:14px;flex-wrap:wrap;font-size:11px;
color:var(--text3);margin:4px 0}.leaf-key i{display:inline-block;width:10px;height:10px;
margin-inline-end:5px}`;

const PRINT = `@page{margin:14mm 13mm 16mm;@bottom-left{content:"Faultline report";
font:8pt sans-serif}
@bottom-right{content:"page " counter(page) " of " counter(pages);font:8pt sans-serif}}
@media print{:root{${LIGHT}}html{font-size:10pt}body{max-width:none;padding:0}.slide{display:none}
section{break-inside:avoid}section.long{break-inside:auto}thead{display:table-header-group}
tr{break-inside:avoid}h2,h3{break-after:avoid}
.al tbody tr[data-mark] td:nth-child(n){background:none}
.al tr.hot td:first-child{border-inline-start:1px solid #000}pre{border-color:#000;
background:none}
td,th,.vs,.top,footer{border-color:#777}.mono,pre,code,.num{font-size:8pt}}
@media (max-width:760px){.vs,.fig{grid-template-columns:1fr}.vs>div:nth-child(even){border:0;
padding-inline-start:30px}.vs>div:nth-child(even) svg{inset-inline-start:0}}`;

export const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
${PAGE}
${FIGURES}
${PRINT}
`;
