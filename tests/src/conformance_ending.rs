//! Certificates by their end, as every store must list them.

use std::time::Duration;

use certmint_core::{
    certificate::{Certificate, CertificateStatus},
    words::{CertificateId, Page, PageRequest, Timestamp},
};
use certmint_shared::store::{EndingFilter, StoreError};

use crate::{conformance_store::start, store::Store};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificates that end before, the earliest first.
pub(crate) async fn ending_before(store: &dyn Store, until: Timestamp) -> Vec<CertificateId> {
    let filter = EndingFilter {
        until,
        status: None,
        now: start(),
    };
    let page = store
        .ending(&filter, &PageRequest::default())
        .await
        .expect("a page");
    assert_eq!((page.total, &page.next_cursor), (page.list.len() as u64, &None));
    page.list.iter().map(|c| c.id).collect()
}

/// Both certificates, a page each, by number and by cursor, whatever they are narrowed by.
pub(crate) async fn pages_by_end(store: &dyn Store, [sooner, later]: [CertificateId; 2]) {
    let one_row = |page, cursor: Option<String>| PageRequest {
        page,
        page_size: 1,
        cursor,
    };
    for status in [None, Some(CertificateStatus::Issued)] {
        let filter = EndingFilter {
            until: start().plus(DAY * 91),
            status,
            now: start(),
        };
        let ids = |page: &Page<Certificate>| page.list.iter().map(|c| c.id).collect::<Vec<_>>();
        let first = store.ending(&filter, &one_row(1, None)).await.expect("a page");
        assert_eq!((ids(&first), first.total), (vec![sooner], 2));
        let asked = one_row(1, first.next_cursor);
        let second = store.ending(&filter, &asked).await.expect("a page");
        assert_eq!((ids(&second), second.total), (vec![later], 2));
        let by_number = store.ending(&filter, &one_row(2, None)).await.expect("a page");
        assert_eq!((ids(&by_number), by_number.total), (vec![later], 2));
    }
    let revoked = EndingFilter {
        until: start().plus(DAY * 91),
        status: Some(CertificateStatus::Revoked),
        now: start(),
    };
    let none = store.ending(&revoked, &one_row(1, None)).await.expect("a page");
    assert_eq!((none.list, none.total, none.next_cursor), (vec![], 0, None));
    for odd in ["", "-", "1", "1#1", "1-1", "1#1-x", "1-1#1"] {
        let found = store.ending(&revoked, &one_row(1, Some(odd.into()))).await;
        assert!(matches!(found, Err(StoreError::BadCursor)), "{odd}");
    }
}
