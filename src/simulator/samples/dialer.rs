//! Samples of what the predictive dialer sends: a call that an agent has just ended.

use super::case::Case;
use crate::contract::bodies::dialer::{
    AgentStatus, CallNotice, ContactStatus, Notice, Split, TalkResultCount, TaskStatus,
};
use crate::contract::bodies::{Fields, millis_text};

const GROUP: &str = "Customer care";

/// They talked.
const TALKED: i64 = 12;

pub(super) fn task_status(case: &Case) -> Notice<TaskStatus> {
    Notice {
        kind: "TaskStatus".to_owned(),
        body: TaskStatus {
            task_id: case.task_id.clone(),
            task_name: case.task_name.clone(),
            state: "Running".to_owned(),
        },
    }
}

fn customer_info(case: &Case) -> Fields {
    let mut info = Fields::new();
    info.insert("PhoneNumber".to_owned(), case.phone.clone().into());
    info.insert("name".to_owned(), case.name.clone().into());
    info
}

fn call(case: &Case) -> CallNotice {
    CallNotice {
        call_type: "auto".to_owned(),
        task_id: case.task_id.clone(),
        task_name: case.task_name.clone(),
        group_name: GROUP.to_owned(),
        phone_number: case.phone.clone(),
        callid: case.call_id.clone(),
        contact_name: case.name.clone(),
        address: String::new(),
        info1: String::new(),
        info2: String::new(),
        info3: String::new(),
        remark: String::new(),
        private_data: case.case_id.clone(),
        timestamp: millis_text(case.now),
        talk_result_label: String::new(),
        talkremarks: String::new(),
        main_number: case.phone.clone(),
        phone_tag: String::new(),
        hangup_reason: Some(TALKED),
        rec_link: None,
        nth_call: Some(1),
        customize_results: Fields::new(),
        customer_info: customer_info(case),
    }
}

pub(super) fn contact_status(case: &Case) -> Notice<ContactStatus> {
    Notice {
        kind: "ContactStatus".to_owned(),
        body: ContactStatus { state: "HANGUP".to_owned(), agent_name: case.agent.clone(), call: call(case) },
    }
}

pub(super) fn agent_status(case: &Case) -> Notice<AgentStatus> {
    Notice {
        kind: "AgentStatus".to_owned(),
        body: AgentStatus {
            agent_name: case.agent.clone(),
            register_state: "Registered".to_owned(),
            state: "HANGUP".to_owned(),
            display_talk_result: String::new(),
            is_conceal_callee: "N".to_owned(),
            threeway_state: String::new(),
            threeway_account: String::new(),
            cur_day_online_duration: 3_600 + case.talk,
            cur_day_rest_duration: 300,
            cur_waiting_call_count: 0,
            group_unallocated_call: 0,
            earliest_call_wait_time: 0,
            waiting_dial_number: case.total / 3,
            total_number: case.total,
            hold_timestamp: 0,
            cur_day_call_count: Split { auto: 1, manual: 0 },
            cur_day_call_duration: Split { auto: case.talk, manual: 0 },
            hold_duration: Split { auto: 0, manual: 0 },
            cur_day_talk_results: vec![TalkResultCount {
                talk_result: "Promise to pay".to_owned(),
                count: 1,
            }],
            call: call(case),
        },
    }
}
