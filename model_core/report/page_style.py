"""How the page looks, on a screen and on A4 paper. Everything is in here: no font or file is fetched."""

CSS = """
:root { --ink: #1c2024; --soft: #59636e; --line: #d4d9de; --faint: #6e7781; --accent: #7a3e12; --warm: #fdf3dc; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 1.0625rem/1.55 Charter, "Bitstream Charter", "Sitka Text", Cambria, "Liberation Serif", Georgia, serif; }
h1, h2, h3, nav, table, figcaption, .banner, .caption, .note, .lead-in, footer {
  font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
.layout { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem 4rem; display: grid; gap: 0 3rem;
  grid-template-columns: minmax(0, 1fr); }
main { min-width: 0; }
main > section > p, header > p { max-width: 43rem; }
header { padding-top: 2.2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 3rem 0 .7rem; padding-top: .9rem;
  border-top: 1px solid var(--line); }
p { margin: 0 0 .8rem; overflow-wrap: break-word; }
.lead-in { color: var(--soft); font-size: .9rem; margin: 0 0 .2rem; }
.banner { background: var(--warm); border: 1px solid #e5c77d; border-left: .4rem solid #c98a12; margin: 1.5rem 0 0;
  padding: .6rem 1rem; font-size: .95rem; font-weight: 600; }
nav { font-size: .85rem; line-height: 1.35; margin-top: 1.5rem; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav li { margin: 0 0 .45rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.table { margin: 1.6rem 0 2rem; }
.caption { text-align: left; font-weight: 600; font-size: .92rem; margin: 0; padding: 0 0 .45rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; line-height: 1.35;
  font-variant-numeric: tabular-nums lining-nums; border-bottom: 1.5px solid var(--ink); }
caption { caption-side: top; }
thead { border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--ink); }
th, td { padding: .3rem .55rem; text-align: left; vertical-align: top; font-weight: 400; }
th:first-child, td:first-child { padding-left: .15rem; }
th:last-child, td:last-child { padding-right: .15rem; }
thead th { font-weight: 600; vertical-align: bottom; line-height: 1.25; }
.n { text-align: right; white-space: nowrap; }
thead .n { white-space: normal; }
tbody tr.new { border-top: 1px solid var(--line); }
tbody th { white-space: nowrap; }
tbody th.long { white-space: normal; }
.one { white-space: nowrap; }
.n + td:not(.n), .n + th:not(.n) { padding-left: 1.3rem; }
.wide .n + td:not(.n), .wide .n + th:not(.n) { padding-left: .8rem; }
code { font: .92em ui-monospace, "Liberation Mono", Consolas, monospace; }
.same { color: var(--faint); }
.code { font-family: ui-monospace, "Liberation Mono", Consolas, monospace; font-size: .92em; overflow-wrap: anywhere; }
.wide table { font-size: .78rem; }
.wide th, .wide td { padding: .28rem .38rem; }
.note { color: var(--soft); font-size: .83rem; line-height: 1.45; margin: .5rem 0 0; max-width: 50rem; }
figure { margin: 1.6rem 0 2rem; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .83rem; line-height: 1.45; color: var(--soft); margin-top: .6rem; max-width: 50rem; }
figcaption b { color: var(--ink); }
.grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .8rem 1rem; }
.grid span { display: block; font: .8rem/1.35 system-ui, sans-serif; color: var(--soft); margin-top: .15rem; }
.remark { font-weight: 600; color: #8a5a00; }
footer { color: var(--soft); font-size: .83rem; margin-top: 3rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }

@media screen and (min-width: 64rem) {
  .layout { grid-template-columns: 13.5rem minmax(0, 1fr); grid-template-areas: "head head" "nav main"; }
  header { grid-area: head; }
  main { grid-area: main; }
  nav { grid-area: nav; position: sticky; top: 1.5rem; align-self: start; max-height: calc(100vh - 3rem);
    overflow-y: auto; margin-top: 3.9rem; }
}

@media print {
  html { font-size: 9.6pt; }
  body { line-height: 1.42; }
  nav { display: none; }
  .layout { display: block; max-width: none; padding: 0; }
  header { padding-top: 0; }
  main > section > p, header > p, .note, figcaption { max-width: none; }
  a { color: inherit; }
  h2 { margin-top: 1.6rem; }
  h1, h2, h3, .caption, caption, thead { break-after: avoid; }
  p, li { orphans: 3; widows: 3; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tr, figure, .banner { break-inside: avoid; }
  .short, .grid > div { break-inside: avoid; }
  figure.many { break-inside: auto; }
  section > p { break-after: avoid; break-inside: avoid; }
  section > p:last-child, section:last-of-type > p { break-after: auto; }
  .table, figure { margin: 1rem 0 1.3rem; }
  table { font-size: 7.9pt; }
  .wide table { font-size: 6.9pt; }
  .wide th, .wide td { padding: .18rem .24rem; }
  th, td { padding: .2rem .4rem; }
  figure img { max-height: 205mm; margin: 0 auto; }
  .note, figcaption { font-size: 7.9pt; }
  tbody tr:first-child, .table > .note:first-of-type { break-before: avoid; }
}
"""
