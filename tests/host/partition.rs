//! `net.partition`: exactly what passes and what does not.
