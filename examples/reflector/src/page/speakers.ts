const colours = ['#2563eb', '#d97706', '#059669', '#c026d3', '#dc2626']

/** The colour of a speaker; grey where nobody is known. */
export function speakerColour(speaker: number | undefined): string {
  return speaker === undefined ? '#94a3b8' : (colours[speaker % colours.length] ?? '#94a3b8')
}
