//! `net.loss`: packets vanish.

use std::collections::BTreeMap;

use super::chain::{Bursts, Gemodel};
use super::filter::{Direction, Filter};
use crate::fault::given::Reader;
use crate::problem::Invalid;

/// Packets vanish; the sender sees no error unless it is to be visible.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    pub filter: Filter,
    pub bursts: Bursts,
    /// The sender's kernel is told: TCP sends again at once, and `send` fails with `ENOBUFS` on sockets
    /// that ask for errors (`IP_RECVERR`). Only for packets that leave.
    pub visible: bool,
}

impl Loss {
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Self {
        let filter = Filter::read(reader, Direction::Out);
        let gemodel = Gemodel::read(reader);
        let bursts = match gemodel {
            Some(gemodel) => Bursts::Gemodel(gemodel),
            None => Bursts::read_correlation(reader),
        };
        let visible = reader.flag("visible");
        if visible && filter.direction != Direction::Out {
            let invalid = Invalid::saying("who sent a packet that arrives cannot be told");
            reader.conflict(
                "visible",
                invalid.hint("leave `visible` or `direction` away"),
            );
        }
        Self {
            filter,
            bursts,
            visible,
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            bursts,
            visible,
        } = self;
        filter.write(params, Direction::Out);
        bursts.write(params);
        if *visible {
            params.insert("visible".to_owned(), "true".to_owned());
        }
    }
}
