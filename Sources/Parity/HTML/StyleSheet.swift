/// How the page looks: light, dark as the reader's system has it, and printed.
enum StyleSheet {
  static let text: StaticString = """

    :root { color-scheme: light dark; --paper:#ffffff; --ink:#1b2028; --faint:#59636f; --rule:#d8dde3; --card:#f5f7f9;
      --weights:#1f5fbf; --reference:#a35200; --engine:#00766a; --good:#1b7a3d; --open:#7a5b00; --bad:#b3261e;
      --band-good:#1b7a3d14; --band-bad:#b3261e18;
      --q0:#eaf1f8; --q1:#cfe0f0; --q2:#aacbe6; --q3:#7bb0d8; --q4:#4f92c6; --q5:#2f74b0; --q6:#155493; --q7:#08306b; }
    @media (prefers-color-scheme: dark) { :root { --paper:#11151a; --ink:#e7ebf0; --faint:#a2adb9; --rule:#36404b;
      --card:#1a2028; --weights:#82b4ff; --reference:#ffb55c; --engine:#55d3bb; --good:#7fd79b; --open:#f2cb63;
      --bad:#ff8d84; --band-good:#7fd79b14; --band-bad:#ff8d8422;
      --q0:#1b2733; --q1:#203a52; --q2:#265070; --q3:#2e688f; --q4:#4184ae; --q5:#62a2c9; --q6:#93c3e1; --q7:#d3ebfa; } }
    @media print { :root { color-scheme: light; --paper:#ffffff; --ink:#000000; --faint:#444444; --rule:#c4c9cf;
      --card:#ffffff; --weights:#1f5fbf; --reference:#a35200; --engine:#00766a; --good:#1b7a3d; --open:#7a5b00;
      --bad:#b3261e; --band-good:#1b7a3d14; --band-bad:#b3261e18;
      --q0:#eaf1f8; --q1:#cfe0f0; --q2:#aacbe6; --q3:#7bb0d8; --q4:#4f92c6; --q5:#2f74b0; --q6:#155493; --q7:#08306b; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 980px; padding: 24px 20px 48px; background: var(--paper); color: var(--ink);
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
    h1 { font-size: 1.7rem; margin: 0; line-height: 1.2; overflow-wrap: anywhere; }
    h2 { font-size: 1.25rem; margin: 0 0 4px; }
    h3 { font-size: 1rem; margin: 20px 0 6px; overflow-wrap: anywhere; }
    p { margin: 6px 0; overflow-wrap: anywhere; }
    section { border-top: 1px solid var(--rule); margin-top: 32px; padding-top: 24px; }
    .lead, .tick, figcaption, footer, .subject { color: var(--faint); }
    .lead { max-width: 48em; margin-bottom: 14px; }
    .absent { background: var(--card); border-left: 4px solid var(--rule); padding: 10px 14px; }
    .verdict { border: 1px solid var(--rule); border-left: 10px solid var(--tone); border-radius: 8px;
      padding: 18px 22px; background: var(--card); }
    .verdict h1 span { color: var(--tone); }
    .verdict.good { --tone: var(--good); } .verdict.open { --tone: var(--open); } .verdict.bad { --tone: var(--bad); }
    .subject { margin: 0 0 8px; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 10px; margin: 14px 0; }
    .tiles div { border: 1px solid var(--rule); border-radius: 8px; padding: 10px 14px; }
    .tiles dt { color: var(--faint); font-size: .82rem; }
    .tiles dd { margin: 0; font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
    nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 14px 2px; font-size: .9rem; }
    a { color: var(--weights); }
    .scroll, .picture { overflow-x: auto; margin: 10px 0; }
    .picture { border: 1px solid var(--rule); border-radius: 8px; padding: 8px; }
    .scroll:focus-visible, .picture:focus-visible, summary:focus-visible { outline: 2px solid var(--weights); }
    table { border-collapse: collapse; width: 100%; font-size: .86rem; }
    caption { text-align: left; color: var(--faint); padding: 4px 0; }
    th, td { text-align: left; vertical-align: top; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--rule); }
    thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
    tbody th { font-weight: 600; }
    th, td { overflow-wrap: break-word; }
    .number { font-variant-numeric: tabular-nums; white-space: nowrap; }
    .pass { color: var(--good); } .fail { color: var(--bad); font-weight: 600; } .doubt { color: var(--open); }
    s { color: var(--faint); }
    .maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 0 12px; }
    summary { cursor: pointer; color: var(--weights); padding: 4px 0; }
    .matrix table { font-size: .78rem; }
    .matrix td { text-align: center; padding: 4px; white-space: nowrap; border: 1px solid var(--rule); }
    svg { display: block; width: 100%; height: auto; }
    svg.patterns { position: absolute; width: 0; height: 0; }
    svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
      fill: var(--ink); }
    svg text.tick, svg text.axis-title { fill: var(--faint); } svg text.fail { fill: var(--bad); }
    svg text.pass { fill: var(--good); } svg text.doubt { fill: var(--open); } svg text.strong { font-weight: 600; }
    .grid { stroke: var(--rule); stroke-width: 1; } .axis { stroke: var(--faint); stroke-width: 1; }
    .frame { fill: none; stroke: var(--faint); stroke-width: 1; }
    .proof { fill: none; stroke: var(--bad); stroke-width: 2; } .limit { stroke: var(--bad); stroke-width: 1.5;
      stroke-dasharray: 5 4; fill: none; } .curve { fill: none; stroke: var(--ink); stroke-width: 1.5; }
    .band-good { fill: var(--band-good); } .band-bad { fill: var(--band-bad); }
    .mark { stroke: var(--paper); stroke-width: 1; }
    .weights { fill: var(--weights); } .reference { fill: var(--reference); } .engine { fill: var(--engine); }
    .good { fill: var(--good); } .open { fill: var(--open); } .bad { fill: var(--bad); } .bar { fill: var(--q5); }
    .cross { stroke: var(--bad); stroke-width: 2.5; fill: none; }
    .connector { stroke: var(--faint); stroke-dasharray: 2 3; }
    .q0 { fill: var(--q0); } .q1 { fill: var(--q1); } .q2 { fill: var(--q2); } .q3 { fill: var(--q3); }
    .q4 { fill: var(--q4); } .q5 { fill: var(--q5); } .q6 { fill: var(--q6); } .q7 { fill: var(--q7); }
    .bad-cell { fill: var(--bad); } .cell-cross { stroke: var(--paper); stroke-width: .8; fill: none; }
    .hatched { fill: url(#hatch); } .hatch-ground { fill: var(--paper); } .hatch-line { fill: var(--open); }
    @media print { body { print-color-adjust: exact; -webkit-print-color-adjust: exact; font-size: 10pt; max-width: none;
        padding: 0; }
      nav, summary { display: none; }
      details::details-content { content-visibility: visible; }
      .picture, .verdict, .tiles, .lead, tr { break-inside: avoid; }
      h2, h3, .lead, caption { break-after: avoid; }
      .picture, .scroll { overflow: visible; border: 0; }
      .picture svg { min-width: 0 !important; max-height: 230mm; }
      .maps { grid-template-columns: 1fr 1fr; }
      table { font-size: 8pt; } .matrix table { font-size: 6.5pt; }
      th, td { overflow-wrap: anywhere; } .number { white-space: normal; } }

    """
}
