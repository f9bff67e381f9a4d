//! One value of EDN by itself, as a command line has it.

use std::str::FromStr;

use super::Parser;
use crate::history::Datum;
use crate::history::error::{Fault, ReadError};

impl FromStr for Datum {
    type Err = ReadError;

    /// Reads one value of EDN, with nothing but blanks around it.
    fn from_str(text: &str) -> Result<Self, ReadError> {
        let mut parser = Parser::new(text);
        let read = (|| {
            parser.blank()?;
            let value = parser.value()?;
            parser.blank()?;
            match parser.peek() {
                None => Ok(value),
                Some(_) => Err(Fault::unexpected(text, parser.at(), "one value and no more")),
            }
        })();
        read.map_err(|fault: Box<Fault>| fault.in_text(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_read_and_no_more() {
        assert_eq!("0".parse(), Ok(Datum::Int(0)));
        assert_eq!(
            " [1 2] ; a vector".parse::<Datum>().map(|datum| datum.to_string()),
            Ok("[1 2]".to_owned())
        );
        for wrong in ["", "1 2", "[1"] {
            assert!(wrong.parse::<Datum>().is_err(), "{wrong}");
        }
    }
}
