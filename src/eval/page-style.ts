/** The report's style sheet: light and dark after the reader's system, wide and narrow, screen and paper. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #1b1f27; --soft: #5b6472; --line: #e3e6eb; --faint: #eef0f4;
  --leak: #c2313b; --leak-soft: #eebfc2; --two: #7a5bc7; --three: #0f7f86; --false: #2b62b8; --warn: #8a4b00; --warn-page: #fff4e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --card: #1c2027; --ink: #e9ecf1; --soft: #a0a9b8; --line: #313742; --faint: #262b34;
    --leak: #ff7f83; --leak-soft: #6b3439; --two: #b6a0ff; --three: #57c7cd; --false: #86b4ff; --warn: #ffc876; --warn-page: #33270f;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; }
h2 { font-size: 19px; margin: 0 0 4px; }
p { margin: 0 0 10px; max-width: 88ch; }
.soft, figcaption { color: var(--soft); }
section, .panel { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; margin-top: 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 24px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px; }
.tile b { display: block; font-size: 28px; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile.first b { color: var(--leak); }
.tile span { display: block; color: var(--soft); font-size: 13px; }
.alert { background: var(--warn-page); border-color: var(--warn); }
.alert h2, .alert strong { color: var(--warn); }
ul { margin: 6px 0; padding-left: 20px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { font-weight: 600; }
thead th { color: var(--soft); font-weight: 500; font-size: 13px; border-bottom-color: var(--line); }
tbody th { font-weight: 400; }
tr.group th { padding-top: 16px; font-weight: 600; border-bottom-color: var(--line); }
td.bar, th.bar { width: 38%; min-width: 190px; padding-right: 18px; }
.track { position: relative; height: 16px; background: linear-gradient(var(--line), var(--line)) center / 100% 1px no-repeat; }
.track i { position: absolute; top: 5px; height: 6px; border-radius: 3px; background: var(--leak-soft); min-width: 2px; }
.track b { position: absolute; top: 3px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; background: var(--leak); }
.scale { display: flex; justify-content: space-between; }
.bad { color: var(--warn); font-weight: 600; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 20px; margin-top: 14px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 13px; margin-bottom: 2px; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { font: 12px system-ui, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
.plot .grid { stroke: var(--faint); } .plot .axis { stroke: var(--soft); opacity: .5; }
.plot .mark { stroke: var(--ink); stroke-dasharray: 3 3; opacity: .55; } .plot text.mark-label { fill: var(--ink); }
.plot .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.plot .spot { fill: transparent; }
.plot .line-1 { stroke: var(--leak); } .plot .line-2 { stroke: var(--two); } .plot .line-3 { stroke: var(--three); } .plot .line-f { stroke: var(--false); }
.plot .spot.spot { stroke: none; }
.plot .dot { stroke: var(--card); stroke-width: 1.5; }
.plot .dot.line-1 { fill: var(--leak); } .plot .dot.line-2 { fill: var(--two); } .plot .dot.line-3 { fill: var(--three); } .plot .dot.line-f { fill: var(--false); }
.plot text.name { stroke: none; font-weight: 600; }
.plot text.line-1 { fill: var(--leak); } .plot text.line-2 { fill: var(--two); } .plot text.line-3 { fill: var(--three); } .plot text.line-f { fill: var(--false); }
.album { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 16px; margin-top: 14px; }
.album img { display: block; width: 100%; border-radius: 8px; background: var(--faint); }
.album figcaption { overflow-wrap: anywhere; margin-top: 6px; line-height: 1.35; }
details summary { cursor: pointer; margin-top: 14px; color: var(--soft); }
dt { font-weight: 600; margin-top: 10px; } dd { margin: 0; max-width: 80ch; }
footer { color: var(--soft); font-size: 13px; margin-top: 28px; overflow-wrap: anywhere; }
code { font: .92em ui-monospace, monospace; }
@media (max-width: 620px) { main { padding: 24px 14px 48px; } section { padding: 18px 16px; } .tile b { font-size: 24px; } }
@media print { body { background: #fff; } section, .tile { break-inside: avoid; } }
`;
