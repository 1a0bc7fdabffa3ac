//! Keys and columns, explained.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::paint::TITLE;

const HELP: &str = "\
arrows j k g G   choose a row            Enter   open the target
Tab              next view               Esc     filter off, then back
f                faults                  e       edges (of the target)
s                sort by next column     S       the other way round
/                filter by name          Space   hold the picture
R                start an engine         q       quit

CALLS/S, ERR/S   system calls that ended, and that failed
P50, P99         how long they took; off by 3.2 % at most
RUNQ99, DISK99   waiting for a processor, for a disk
CONN/S, FAIL/S   connections (of UDP datagrams), and failed ones
OUT/S, IN/S      bytes
RETR/S           segments sent again     RTT     smoothed round trip
EXIT/S, EXEC/S   processes ended (oom: lacked memory), programs executed
psi, majflt, thr % of time stalled; faults from disk; at a used-up quota
-> asks, <- is asked. Columns are left out where there is no room.";

/// Over everything else; any key takes it away.
pub(super) fn help(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = (area.width.min(78), area.height.min(18));
    let window = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered()
        .title(" Help: any key closes it ")
        .title_style(TITLE);
    frame.render_widget(Clear, window);
    frame.render_widget(
        Paragraph::new(HELP).wrap(Wrap { trim: false }).block(block),
        window,
    );
}
