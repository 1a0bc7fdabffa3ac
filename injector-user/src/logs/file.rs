//! Following one file.

use std::time::Duration;

use tokio::task::yield_now;

use super::feed::{Feed, What};
use super::tail::Tail;

/// Between two looks at a file that did not grow.
const PAUSE: Duration = Duration::from_millis(50);

/// How much is still read once it is to end: what has been written by then, unless it is more than that.
const LAST_LOOKS: usize = 1 << 13;

/// Reads until it is to end, and then what is there already.
pub(super) async fn follow(mut tail: Tail, mut feed: Feed) {
    let mut looks_left = LAST_LOOKS;
    loop {
        // Before the look: what is written until then is read.
        let is_last = feed.is_over();
        let look = match tail.look() {
            Ok(look) => look,
            Err(error) => {
                feed.tell(What::Ended(error.to_string())).await;
                break;
            }
        };
        let is_idle = look.lines.is_empty() && !look.is_more;
        if look.restarted && !feed.tell(What::Restarted).await {
            return;
        }
        if let Some(key) = look.moved
            && !feed.tell(What::Moved(key)).await
        {
            return;
        }
        if !feed.lines(look.lines, None).await {
            return;
        }
        if is_last {
            looks_left -= 1;
            if is_idle || looks_left == 0 {
                break;
            }
        } else if is_idle {
            feed.pause(PAUSE).await;
        }
        // A line of gigabytes is nobody else's matter.
        yield_now().await;
    }
    let (lines, unread) = tail.end();
    feed.lines(lines, None).await;
    if unread > 0 {
        feed.tell(What::Unread(unread)).await;
    }
}
