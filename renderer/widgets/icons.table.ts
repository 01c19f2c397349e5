// Line icons of the frame, drawn in a 16 x 16 box with a stroke of 1.25. Each is a path; words
// stand beside
// or in the accessible name, so no icon is ever the only sign.
export const ICONS: Readonly<Record<string, string>> = {
  verdicts: "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z",
  scenario: "M3.5 1.8h6l3 3v9.4h-9zM9.5 1.8v3h3M5.6 8h4.8M5.6 10.8h4.8",
  run: "M1.8 12.8h12.4M1.8 8.6h3L6.4 3.2l2.8 7 1.4-4h3.6",
  compare: "M2 3.2h4.5v9.6H2zM9.5 3.2H14v9.6H9.5zM8 1.8v12.4",
  runs: "M2.5 4h11M2.5 8h11M2.5 12h11",
  report: "M3.2 1.8h9.6v12.4H3.2zM5.6 5h4.8M5.6 8h4.8M5.6 11h2.6",
  settings: "M2 4.6h6.2M11.4 4.6H14M9.8 3v3.2M2 11.4h2.6M7.8 11.4H14M6.2 9.8V13",
  search: "M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM10 10l3.5 3.5",
  link: "M6.5 9.5l3-3M7 4.8l1-1a2.5 2.5 0 013.6 3.6l-1 1M9 11.2l-1 1a2.5 2.5 0 01-3.6-3.6l1-1",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4.5 6.5L8 10l3.5-3.5",
  pin: "M6 2.2h4M6.6 2.2v4.4L4.4 9.2h7.2L9.4 6.6V2.2M8 9.2v4.6",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
};
