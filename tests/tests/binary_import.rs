//! `scrip import dujiaoka`: a shop moves over with its unsold keys, its sold ones and its orders; from a dump or from sheets,
//! interrupted and run again; and no text of a key in anything it says.
//!
//! Invariant checked throughout: rows add up, and a key that the old shop sold is never for sale.

use scrip_tests::processes::binary::binary;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::site::{Said, Site};
use scrip_tests::processes::sluice::Sluice;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What an import that is to be interrupted may send at a time: a few dozen of its sales.
const STEP_BYTES: u64 = 4 * 1024;

/// Begins every key here.
const MARK: &str = "OLDKEY";

const HEAD: &str = "\
-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: dujiaoka
-- ------------------------------------------------------
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;

DROP TABLE IF EXISTS `carmis`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `carmis` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `goods_id` int NOT NULL COMMENT '所属商品',
  `status` tinyint(1) NOT NULL DEFAULT '1' COMMENT '状态 1未售出 2已售出',
  `is_loop` tinyint(1) NOT NULL DEFAULT '0' COMMENT '循环卡密 1是 0否',
  `carmi` text CHARACTER SET utf8 COLLATE utf8_unicode_ci NOT NULL COMMENT '卡密',
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  `deleted_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `idx_goods_id` (`goods_id`) USING BTREE
) ENGINE=InnoDB AUTO_INCREMENT=99 DEFAULT CHARSET=utf8mb3 COLLATE=utf8_unicode_ci COMMENT='卡密表';

CREATE TABLE `goods` (
  `id` int NOT NULL AUTO_INCREMENT,
  `group_id` int NOT NULL COMMENT '所属分类id',
  `gd_name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL COMMENT '商品名称',
  `type` tinyint(1) NOT NULL DEFAULT '1' COMMENT '商品类型  1自动发货 2人工处理',
  `actual_price` decimal(10,2) NOT NULL DEFAULT '0.00',
  `deleted_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8_unicode_ci COMMENT='商品表';

CREATE TABLE `orders` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `order_sn` varchar(150) NOT NULL COMMENT '订单号',
  `goods_id` int NOT NULL COMMENT '关联商品id',
  `title` varchar(200) NOT NULL COMMENT '订单名称',
  `type` tinyint(1) NOT NULL DEFAULT '1' COMMENT '1自动发货 2人工处理',
  `buy_amount` int NOT NULL DEFAULT '1' COMMENT '购买数量',
  `email` varchar(200) NOT NULL COMMENT '下单邮箱',
  `info` text CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci COMMENT '订单详情',
  `status` tinyint(1) NOT NULL DEFAULT '1' COMMENT '1待支付 2待处理 3处理中 4已完成 5处理失败 6异常 -1过期',
  `created_at` timestamp NULL DEFAULT NULL,
  `deleted_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `idx_order_sn` (`order_sn`) USING BTREE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8_unicode_ci COMMENT='订单表';
";

const ROWS: &str = r#"
LOCK TABLES `carmis` WRITE;
/*!40000 ALTER TABLE `carmis` DISABLE KEYS */;
INSERT INTO `carmis` VALUES (1,1,2,0,'OLDKEY-S1','2023-01-01 00:00:00','2023-01-02 00:00:00',NULL),(2,1,1,0,'OLDKEY-U1',NULL,NULL,NULL),(3,1,2,0,'OLDKEY-S2',NULL,NULL,NULL),(4,1,2,0,'OLDKEY-it\'s \\ \"3\"',NULL,NULL,'2023-02-01 00:00:00'),(5,1,1,0,'OLDKEY-U2\r',NULL,NULL,NULL);
INSERT INTO `carmis` VALUES (6,1,1,0,'OLDKEY-U1',NULL,NULL,NULL),(7,1,1,0,'OLDKEY-line one\nline two',NULL,NULL,NULL),(8,1,1,0,'OLDKEY-gone',NULL,NULL,'2023-03-01 00:00:00'),(9,2,1,1,'OLDKEY-LOOP',NULL,NULL,NULL),(10,2,1,0,'OLDKEY-账号----密码',NULL,NULL,NULL);
INSERT INTO `carmis` VALUES (11,3,1,0,'OLDKEY-D1',NULL,NULL,NULL),(12,2,2,0,'OLDKEY-orphan',NULL,NULL,NULL),(13,1,1,0,'OLDKEY-S1',NULL,NULL,NULL),(14,2,1,1,'OLDKEY-LOOP',NULL,NULL,NULL),(15,2,1,1,'OLDKEY-oldloop',NULL,NULL,'2023-02-01 00:00:00');
/*!40000 ALTER TABLE `carmis` ENABLE KEYS */;
UNLOCK TABLES;
INSERT INTO `emailtpls` VALUES (2,'x','<p style=\"a;\">INSERT INTO `carmis` VALUES (77,1,1,0,\'OLDKEY-TPL\',NULL,NULL,NULL);</p>');
INSERT INTO `goods` VALUES (1,1,'Steam 50元充值卡',1,50.00,NULL),(2,1,'Netflix (1月)',1,9.90,NULL),(3,1,'下架商品',1,1.00,'2023-05-01 00:00:00');
INSERT INTO `orders` VALUES (1,'SN0000000000AAAA',1,'Steam 50元充值卡x2',1,2,'buyer@example.com','OLDKEY-S2\nOLDKEY-it\'s \\ \"3\"',4,NULL,NULL),(2,'SN0000000000BBBB',1,'x1',1,1,'buyer@example.com','OLDKEY-S1',4,NULL,NULL),(3,'SN0000000000CCCC',1,'x1',1,1,'a@b.cn',NULL,1,NULL,NULL),(4,'SN0000000000DDDD',1,'x1',1,1,'a@b.cn','库存不足',6,NULL,NULL),(5,'SN0000000000EEEE',2,'x1',1,1,'a@b.cn','OLDKEY-LOOP',4,NULL,NULL),(10,'SN0000000000JJJJ',2,'x2',1,2,'c@d.cn','OLDKEY-Netflix own\nOLDKEY-LOOP',4,NULL,NULL),(11,'SN0000000000KKKK',2,'x1',1,1,'c@d.cn','OLDKEY-oldloop',4,NULL,NULL),(6,'SN0000000000FFFF',2,'x1',2,1,'a@b.cn','充值账号: 1',4,NULL,NULL),(7,'SN0000000000GGGG',1,'x1',1,1,'a@b.cn','thank you\nvery much',4,NULL,NULL),(8,'SN0000000000HHHH',1,'x1',1,1,'a@b.cn','OLDKEY-purged',4,NULL,NULL),(9,'SN0000000000IIII',1,'x1',1,1,'a@b.cn',NULL,-1,NULL,NULL);
-- Dump completed on 2024-01-01
"#;

fn write(site: &Site, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = site.path().join(name);
    fs::write(&path, text).expect("a temporary file");
    path
}

fn import(site: &Site, files: &str, flags: &str) -> Said {
    let said = site.line(&format!("import dujiaoka {files} {flags}"));
    assert!(!said.stdout.contains(MARK) && !said.stderr.contains(MARK), "a key is shown: {said:#?}");
    said
}

/// Rows of each kind that has some.
fn kinds(of: &Value) -> Vec<(&str, u64)> {
    let kinds = of.as_object().expect("an object").iter().filter(|(name, _)| *name != "rows");
    let rows = |value: &Value| value["rows"].as_u64().expect("a number");
    let counted: Vec<_> = kinds.map(|(name, value)| (name.as_str(), rows(value))).collect();
    let sum: u64 = counted.iter().map(|(_, rows)| rows).sum();
    assert_eq!(of["rows"].as_u64(), Some(sum), "rows add up: {of:#}");
    counted.into_iter().filter(|(_, rows)| *rows > 0).collect()
}

const KEYS: [(&str, u64); 6] =
    [("deleted", 3), ("duplicate", 3), ("in_stock", 3), ("invalid", 1), ("loop_keys", 1), ("sold", 4)];
const ORDERS: [(&str, u64); 5] =
    [("manual", 1), ("owed", 1), ("sold", 6), ("unclear", 1), ("undelivered", 2)];

fn reveal(site: &Site, order: &str) -> String {
    site.line(&format!("keys reveal {order}")).well().stdout
}

/// A loop key has served many buyers, beside keys of their own, too; what was deleted has none to sell.
fn assert_loop_keys(site: &Site, caller: &Caller, sold: u64) {
    assert_eq!(reveal(site, "SN0000000000EEEE"), "OLDKEY-LOOP\n");
    assert_eq!(reveal(site, "SN0000000000JJJJ"), "OLDKEY-Netflix own\nOLDKEY-LOOP\n");
    assert_eq!(reveal(site, "SN0000000000KKKK"), "OLDKEY-oldloop\n");
    let counts = |name| {
        let shown = caller.show(caller.client.stock_id(name).expect("a name"));
        (shown.total, shown.available, shown.consumed)
    };
    assert_eq!(counts("Netflix (1月)-loop").2, sold);
    assert_eq!(counts("Netflix (1月)-loop-15"), (1, 0, 1));
}

/// The new shop sells what the old one had left.
fn sell_on(site: &Site) {
    let sell =
        ["sell", "Steam 50元充值卡:2", "--channel", "own", "--operation", "new", "--data", site.data_text()];
    site.run(&sell).well();
    assert_eq!(reveal(site, "new"), "OLDKEY-U1\nOLDKEY-U2\n");
    let sell = ["sell", "Netflix (1月)-loop:2", "--channel", "own", "--operation", "loop-1"];
    site.run(&[&sell[..], &["--data", site.data_text()]].concat()).well();
    assert_eq!(reveal(site, "loop-1"), "OLDKEY-LOOP\n", "and it goes on");
    site.run(&["sell", "Steam 50元充值卡", "--channel", "own", "--data", site.data_text()])
        .badly(&["OUT_OF_STOCK"]);
}

#[test]
fn a_shop_moves_over_with_its_keys_and_its_orders() {
    let site = Site::new();
    let dump = write(&site, "dump.sql", format!("{HEAD}{ROWS}"));
    let dump = dump.to_str().expect("UTF-8");
    let dry = import(&site, dump, "--dry-run --json");
    assert_eq!(dry.status, Some(1), "somebody has to look at a key and an order: {dry:#?}");
    assert_eq!((kinds(&dry.json()["carmis"]), kinds(&dry.json()["orders"])), (KEYS.into(), ORDERS.into()));

    let server = site.serve(&[]);
    let said = import(&site, dump, "--json");
    let counted = said.json();
    assert_eq!(
        (kinds(&counted["carmis"]), kinds(&counted["orders"])),
        (KEYS.into(), ORDERS.into()),
        "{said:#?}"
    );
    assert_eq!(
        counted["stocks"],
        serde_json::json!([
            "Netflix (1月)",
            "Netflix (1月)-loop",
            "Netflix (1月)-loop-15",
            "Steam 50元充值卡"
        ])
    );
    assert_eq!(
        (&counted["keys_of_orders"], &counted["orders"]["owed"]["first_ids"][0]),
        (&2.into(), &4.into())
    );
    assert_eq!(counted["carmis"]["invalid"]["first_ids"], serde_json::json!([7]));

    // Orders are found by their numbers, each with its own keys.
    assert_eq!(reveal(&site, "SN0000000000AAAA"), "OLDKEY-S2\nOLDKEY-it's \\ \"3\"\n");
    assert_eq!(reveal(&site, "SN0000000000BBBB"), "OLDKEY-S1\n");
    assert_eq!(reveal(&site, "SN0000000000HHHH"), "OLDKEY-purged\n");
    assert_eq!(reveal(&site, "carmi-12"), "OLDKEY-orphan\n");
    for skipped in ["CCCC", "DDDD", "FFFF", "GGGG", "IIII"] {
        site.line(&format!("hold show SN0000000000{skipped}")).badly(&["NOT_FOUND"]);
    }
    let caller = Caller::connect(server.listen, server.token());
    let steam = caller.client.stock_id("Steam 50元充值卡").expect("a name");
    let netflix = caller.client.stock_id("Netflix (1月)").expect("a name");
    let counts = |stock| {
        let shown = caller.show(stock);
        (shown.total, shown.available, shown.consumed)
    };
    assert_eq!((counts(steam), counts(netflix)), ((6, 2, 4), (3, 1, 2)));
    assert_loop_keys(&site, &caller, 2);

    // Run again, nothing is imported or sold again.
    let again = import(&site, dump, "--json").json();
    let there = [("already_there", 8), ("deleted", 3), ("duplicate", 3), ("invalid", 1)];
    assert_eq!(kinds(&again["carmis"]), there);
    assert_eq!(kinds(&again["orders"])[0], ("already_there", 6));
    assert_eq!((counts(steam), counts(netflix)), ((6, 2, 4), (3, 1, 2)));
    assert_loop_keys(&site, &caller, 2);

    // A supplier sends sold keys once more: they are there already. What is sold next is what was unsold.
    let file = write(&site, "resent.txt", "OLDKEY-S1\nOLDKEY-S2\nOLDKEY-purged\nOLDKEY-orphan\n");
    site.line("stock create more --keys").well();
    let resent = site.line(&format!("keys import more {} --json", file.display())).well().json();
    assert_eq!((&resent["ok"], &resent["already_there"]), (&0.into(), &4.into()));
    sell_on(&site);
    assert_loop_keys(&site, &caller, 4);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn sheets_say_the_same_as_a_dump() {
    let site = Site::new();
    let _server = site.serve(&[]);
    let goods =
        write(&site, "goods.csv", "\u{feff}id,gd_name,deleted_at\n1,\"Steam, 50\",\n2,Old,2023-01-01\n");
    let carmis = write(
        &site,
        "carmis.csv",
        "id,goods_id,status,is_loop,carmi,deleted_at\n1,1,2,0,OLDKEY-S1,NULL\n2,1,1,0,\"OLDKEY-\"\"U\"\"\",\n3,2,1,0,OLDKEY-D,\n",
    );
    let orders = write(
        &site,
        "export_orders.csv",
        "order_sn,id,goods_id,buy_amount,info,status\r\nSN1,1,1,1,OLDKEY-S1,4\r\nSN2,2,1,1,,-1\r\n",
    );
    let files = [orders, goods.clone(), carmis].map(|path| path.display().to_string()).join(" ");
    let said = import(&site, &files, "--prefix old-").well();
    for line in [
        "carmis                         3",
        "  in stock                     1",
        "  sold                         1",
    ] {
        assert!(said.stdout.contains(line), "{line}: {said:#?}");
    }
    assert!(said.stdout.contains("stocks: old-Steam, 50\n"), "{said:#?}");
    assert_eq!(reveal(&site, "SN1"), "OLDKEY-S1\n");
    let other = write(&site, "others.csv", "id\n");
    import(&site, other.to_str().expect("UTF-8"), "").badly(&["carmis.csv"]);
    let lacking = write(&site, "carmis.csv", "id,goods_id,status\n");
    import(&site, lacking.to_str().expect("UTF-8"), "").badly(&["no column carmi"]);
    import(&site, site.path().join("nowhere.sql").to_str().expect("UTF-8"), "").badly(&["no such file"]);
}

#[test]
fn a_dump_that_is_cut_off_or_of_something_else_is_named_and_changes_nothing() {
    let site = Site::new();
    let server = site.serve(&[]);
    let whole = format!("{HEAD}{ROWS}");
    for (name, end) in [
        ("text.sql", "OLDKEY-orph"),
        ("row.sql", "(12,2,2,0,'OLDKEY-orphan'"),
        ("insert.sql", ",NULL,NULL),(13"),
    ] {
        let at = whole.find(end).expect("it is there") + end.len();
        let cut = write(&site, name, &whole[..at]);
        import(&site, cut.to_str().expect("UTF-8"), "").badly(&[name, "line ", "cut off"]);
    }
    let foreign =
        write(&site, "foreign.sql", "CREATE TABLE `users` (`id` int);\nINSERT INTO `users` VALUES (1);\n");
    import(&site, foreign.to_str().expect("UTF-8"), "").badly(&["no goods", "goods.csv"]);
    for stock in ["Netflix (1月)", "Steam 50元充值卡"] {
        site.run(&["stock", "show", stock, "--data", site.data_text()]).badly(&["NOT_FOUND"]);
    }
    // Its units are no keys.
    site.line("stock create old --units 5").well();
    let taken = format!("{HEAD}{}", ROWS.replace("Netflix (1月)", "old"));
    let taken = write(&site, "taken.sql", taken);
    import(&site, taken.to_str().expect("UTF-8"), "").badly(&["\"old\" is there already", "--prefix"]);
    drop(server);
}

/// A dump of an old shop: each order bought one or two keys, and as many are left.
fn large_dump(orders: u32) -> (String, u32) {
    let (mut carmis, mut rows, mut key) = (Vec::new(), Vec::new(), 0);
    for order in 0..orders {
        let bought: Vec<String> =
            (0..1 + order % 2).map(|copy| format!("{MARK}-{order:05}-{copy}")).collect();
        for text in &bought {
            key += 1;
            carmis.push(format!("({key},{},2,0,'{text}',NULL,NULL,NULL)", 1 + order % 3));
        }
        let (goods, units, info) = (1 + order % 3, bought.len(), bought.join("\\n"));
        rows.push(format!(
            "({order},'SN{order:05}',{goods},'t',1,{units},'b{order}@example.com','{info}',4,NULL,NULL)"
        ));
    }
    let sold = key;
    for left in 0..sold {
        key += 1;
        carmis.push(format!("({key},{},1,0,'{MARK}-L{left:05}',NULL,NULL,NULL)", 1 + left % 3));
    }
    let goods = "INSERT INTO `goods` VALUES (1,1,'one',1,1.00,NULL),(2,1,'two',1,1.00,NULL),(3,1,'three',1,1.00,NULL);";
    let inserts = |table: &str, rows: &[String]| {
        let insert = |rows: &[String]| format!("INSERT INTO `{table}` VALUES {};\n", rows.join(","));
        rows.chunks(1_000).map(insert).collect::<String>()
    };
    (format!("{HEAD}{}{}{goods}\n", inserts("carmis", &carmis), inserts("orders", &rows)), sold)
}

/// Starts an import and kills it once it has sold something: it gets no further, for want of a way to the server.
fn begin_and_kill(site: &Site, dump: &Path, server: SocketAddr, caller: &Caller) {
    let sluice = Sluice::before(server);
    let mut child = Command::new(binary())
        .args(["import", "dujiaoka", dump.to_str().expect("UTF-8"), "--data", site.data_text()])
        .args(["--server", &sluice.address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started");
    let stock = caller.client.stock_id("one").expect("a name");
    sluice.open_until(STEP_BYTES, || {
        assert!(child.try_wait().expect("a child").is_none(), "it has ended by itself");
        caller.wait(caller.client.stock_show(stock)).is_ok_and(|shown| shown.consumed >= 100)
    });
    child.kill().expect("it runs");
    child.wait().expect("a child can be waited for");
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_stopped() {
    let site = Site::new();
    let (text, sold) = large_dump(3_000);
    let dump = write(&site, "dump.sql", text);
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    begin_and_kill(&site, &dump, server.listen, &caller);
    assert!(site.path().join("dump.sql.scrip-import").exists(), "the note is there while it is under way");
    drop(caller);
    server.kill();
    let server = site.serve(&[]);
    let said = import(&site, dump.to_str().expect("UTF-8"), "--json").well().json();
    assert_eq!(said["resumed"], true);
    assert_eq!(kinds(&said["carmis"]), [("in_stock", u64::from(sold)), ("sold", u64::from(sold))]);
    assert_eq!(kinds(&said["orders"]), [("sold", 3_000)]);
    assert!(!site.path().join("dump.sql.scrip-import").exists());
    let caller = Caller::connect(server.listen, server.token());
    let units = ["one", "two", "three"].map(|name| {
        let shown = caller.show(caller.client.stock_id(name).expect("a name"));
        (shown.consumed, shown.available)
    });
    let sums = units.iter().fold((0, 0), |sum, (consumed, available)| (sum.0 + consumed, sum.1 + available));
    assert_eq!(sums, (u64::from(sold), u64::from(sold)), "{units:?}");
    for (order, keys) in [("SN00000", "OLDKEY-00000-0\n"), ("SN02999", "OLDKEY-02999-0\nOLDKEY-02999-1\n")] {
        assert_eq!(reveal(&site, order), keys);
    }
}
