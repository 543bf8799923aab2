use proptest::{collection::vec, prelude::*};

use super::*;
use crate::SigningKey;

fn key() -> SigningKey {
    SigningKey::from_hex(&"46".repeat(32)).unwrap()
}

fn sample() -> Transaction {
    Transaction {
        chain_id: 1,
        nonce: 9,
        max_priority_fee_per_gas: 1_000_000_000,
        max_fee_per_gas: 20_000_000_000,
        gas_limit: 30_000,
        to: key().address(),
        value: 0,
        data: b"optkas".to_vec(),
    }
}

/// Each byte by the rules of EIP-1559, EIP-2718 and RLP, put together by hand.
#[test]
fn the_bytes_that_are_signed() {
    let transaction = sample();
    let to = key().address().to_string().replace("0x", "94");
    let expected = format!(
        "02{list}{chain_id}{nonce}{tip}{fee}{gas}{to}{value}{data}{access_list}",
        // 1 + 1 + 5 + 6 + 3 + 21 + 1 + 7 + 1 bytes follow.
        list = "ee",
        chain_id = "01",
        nonce = "09",
        tip = "843b9aca00",
        fee = "8504a817c800",
        gas = "827530",
        value = "80",
        data = "866f70746b6173",
        access_list = "c0",
    );
    let mut bytes = vec![0; expected.len() / 2];
    decode_hex(&expected, &mut bytes).unwrap();
    assert_eq!(envelope(&transaction.fields()), bytes);
    assert_eq!(transaction.signing_hash(), keccak256(&bytes));
}

#[test]
fn one_bit_more_or_less_is_another_sender_or_nothing() {
    let signed = key().sign(sample());
    for position in 0..signed.bytes().len() * 8 {
        let mut bytes = signed.bytes().to_vec();
        bytes[position / 8] ^= 1 << (position % 8);
        if let Ok(other) = Signed::decode(&bytes) {
            assert_ne!(other.sender(), signed.sender(), "bit {position}");
            assert_ne!(other.hash(), signed.hash(), "bit {position}");
        }
    }
}

/// Other ways to write the same numbers, and what is no transaction of this form.
#[test]
fn there_is_one_encoding() {
    let signed = key().sign(sample());
    let bytes = signed.bytes();
    assert_eq!(Signed::decode(bytes).as_ref(), Ok(&signed));
    // The list's header takes two bytes, the chain id and the nonce one each.
    assert_eq!(bytes[..5], [0x02, 0xf8, 0x71, 0x01, 0x09]);
    let relisted = |fields: &[u8]| Signed::decode(&envelope(fields));
    let fields = &bytes[3..];
    assert_eq!(relisted(fields).as_ref(), Ok(&signed));
    for (why, foreign) in [
        (
            "the chain id as a string",
            [&[0x81, 0x01], &fields[1..]].concat(),
        ),
        (
            "a leading zero",
            [&[0x82, 0x00, 0x01], &fields[1..]].concat(),
        ),
        ("zero as a byte", [&[0x00], &fields[1..]].concat()),
        ("a field too many", [fields, &[0x80]].concat()),
        ("a field too few", fields[..fields.len() - 33].to_vec()),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(relisted(&foreign), Err(MalformedTransaction), "{why}");
    }
    for (why, foreign) in [
        ("more behind it", [bytes, &[0]].concat()),
        ("cut off", bytes[..bytes.len() - 1].to_vec()),
        ("another type", [&[0x01], &bytes[1..]].concat()),
        ("no type", bytes[1..].to_vec()),
        ("nothing", Vec::new()),
        (
            "a longer header",
            [&[0x02, 0xf9, 0x00, 0x71], fields].concat(),
        ),
    ] {
        assert_eq!(Signed::decode(&foreign), Err(MalformedTransaction), "{why}");
    }
    let long = key().sign(Transaction {
        data: vec![1; BYTES_MAX],
        ..sample()
    });
    assert_eq!(Signed::decode(long.bytes()), Err(MalformedTransaction));
}

#[test]
fn text() {
    let signed = key().sign(sample());
    let text = signed.to_hex();
    assert_eq!(Signed::from_hex(&text).as_ref(), Ok(&signed));
    for bad in [
        "",
        "0x",
        &text[2..],
        &text[..text.len() - 1],
        &text.to_uppercase(),
    ] {
        assert_eq!(Signed::from_hex(bad), Err(MalformedTransaction), "{bad}");
    }
}

fn transactions() -> impl Strategy<Value = Transaction> {
    (
        (any::<u64>(), any::<u64>(), any::<u128>(), any::<u128>()),
        (
            any::<u64>(),
            any::<[u8; 20]>(),
            any::<u128>(),
            vec(any::<u8>(), 0..300),
        ),
        0..128_u32,
    )
        .prop_map(
            |((chain_id, nonce, tip, fee), (gas_limit, to, value, data), shift)| Transaction {
                // Numbers of every length, zero among them.
                chain_id: chain_id >> (shift % 64),
                nonce: nonce >> (shift / 2),
                max_priority_fee_per_gas: tip >> shift,
                max_fee_per_gas: fee >> (127 - shift),
                gas_limit,
                to: Address::from_bytes(to),
                value: value >> shift,
                data,
            },
        )
}

proptest! {
    // Curves are slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_signed_is_read_back(transaction in transactions(), secret in any::<[u8; 31]>()) {
        let digits = crate::Octets::from_bytes(secret).to_string();
        let key = SigningKey::from_hex(&format!("{}01", &digits[2..])).unwrap();
        let signed = key.sign(transaction.clone());
        let read = Signed::decode(signed.bytes()).unwrap();
        prop_assert_eq!(&read, &signed);
        prop_assert_eq!(read.transaction(), &transaction);
        prop_assert_eq!(read.sender(), key.address());
    }
}

proptest! {
    #[test]
    fn foreign_bytes_are_refused_or_have_one_meaning(
        mut bytes in vec(any::<u8>(), 0..200),
        honest in any::<bool>(),
        cuts in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        if honest {
            bytes = key().sign(sample()).bytes().to_vec();
        }
        for (index, byte) in cuts {
            if !bytes.is_empty() {
                let place = index.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if let Ok(signed) = Signed::decode(&bytes) {
            prop_assert_eq!(signed.bytes(), bytes.as_slice());
        }
    }
}
