-- Sample users for development and measurements: psql -v users=100000 -f bench/sample_users.sql
-- Names of many languages with addresses that belong to nobody (RFC 2606). The same every time.

BEGIN;

CREATE TEMPORARY TABLE language (
    number serial,
    domain text,
    first_names text[],
    first_parts text[], -- of an address, one per name
    last_names text[],
    last_parts text[]
) ON COMMIT DROP;

INSERT INTO language (domain, first_names, first_parts, last_names, last_parts) VALUES
('mail.example',
 '{Olivia,Jack,Amelia,Harry,Grace,Thomas,Ruby,Oscar,Emily,George,Sophie,Arthur}',
 '{olivia,jack,amelia,harry,grace,thomas,ruby,oscar,emily,george,sophie,arthur}',
 '{Smith,O''Connor,Taylor,Brown,Wilson,Evans,Walker,Wright,Turner,Hughes,Foster,Bennett}',
 '{smith,oconnor,taylor,brown,wilson,evans,walker,wright,turner,hughes,foster,bennett}'),
('post.example',
 '{Jürgen,Käthe,Lukas,Sören,Anneliese,Björn,Marlene,Günter,Hannah,Felix,Ute,Matthias}',
 '{juergen,kaethe,lukas,soeren,anneliese,bjoern,marlene,guenter,hannah,felix,ute,matthias}',
 '{Müller,Schäfer,Weiß,Köhler,Schröder,Krüger,Becker,Hoffmann,Jäger,Groß,Vogel,Lehmann}',
 '{mueller,schaefer,weiss,koehler,schroeder,krueger,becker,hoffmann,jaeger,gross,vogel,lehmann}'),
('courriel.example',
 '{François,Chloé,René,Zoé,Étienne,Anaïs,Gaël,Hélène,Loïc,Margaux,Théo,Inès}',
 '{francois,chloe,rené,zoé,etienne,anais,gael,helene,loic,margaux,theo,ines}',
 '{Lefèvre,Dubois,Gérard,Moreau,Béranger,Fournier,Rousseau,Mercier,Faure,Périer,Noël,Garnier}',
 '{lefevre,dubois,gerard,moreau,beranger,fournier,rousseau,mercier,faure,perier,noel,garnier}'),
('correo.example',
 '{José,María,Iñaki,Lucía,Ángel,Sofía,Andrés,Begoña,Raúl,Inés,Óscar,Verónica}',
 '{jose,maria,inaki,lucia,angel,sofia,andres,begona,raul,ines,oscar,veronica}',
 '{García,Núñez,Rodríguez,Peña,López,Ibáñez,Sánchez,Muñoz,Gómez,Vázquez,Ramírez,Ordóñez}',
 '{garcia,nunez,rodriguez,peña,lopez,ibanez,sanchez,munoz,gomez,vazquez,ramirez,ordonez}'),
('correio.example',
 '{João,Conceição,Tiago,Inês,Gonçalo,Beatriz,Simão,Luísa,Vítor,Mariana,Sebastião,Glória}',
 '{joao,conceicao,tiago,ines,goncalo,beatriz,simao,luisa,vitor,mariana,sebastiao,gloria}',
 '{Silva,Araújo,Conceição,Gonçalves,Magalhães,Pereira,Simões,Teixeira,Leitão,Brandão,Assunção,Mourão}',
 '{silva,araujo,conceicao,goncalves,magalhaes,pereira,simoes,teixeira,leitao,brandao,assuncao,mourao}'),
('poczta.example',
 '{Łukasz,Małgorzata,Paweł,Żaneta,Bożena,Stanisław,Agnieszka,Zdzisław,Świętosława,Jędrzej,Kinga,Michał}',
 '{lukasz,malgorzata,pawel,zaneta,bozena,stanislaw,agnieszka,zdzislaw,swietoslawa,jedrzej,kinga,michal}',
 '{Nowak,Wójcik,Mazur,Król,Wróbel,Stępień,Zając,Sikora,Gołąb,Dudek,Pająk,Kozieł}',
 '{nowak,wojcik,mazur,krol,wrobel,stepien,zajac,sikora,golab,dudek,pajak,koziel}'),
('posta.example',
 '{Jiří,Zdeňka,Ondřej,Růžena,Tomáš,Kateřina,Vojtěch,Žofie,Luboš,Eliška,Matěj,Šárka}',
 '{jiri,zdenka,ondrej,ruzena,tomas,katerina,vojtech,zofie,lubos,eliska,matej,sarka}',
 '{Krejčí,Janů,Kočí,Martinů,Dolejší,Petrů,Hořejší,Pavlů,Jirků,Tomšů,Matějů,Lepší}',
 '{krejci,janu,koci,martinu,dolejsi,petru,horejsi,pavlu,jirku,tomsu,mateju,lepsi}'),
('eposta.example',
 '{Ayşe,Çağlar,Gülşen,Ömer,İpek,Ufuk,Şeyma,Yiğit,Özlem,Emre,Tuğba,Işıl}',
 '{ayse,caglar,gulsen,omer,ipek,ufuk,seyma,yigit,ozlem,emre,tugba,isil}',
 '{Yılmaz,Çelik,Şahin,Öztürk,Aydın,Güneş,Kılıç,Erdoğan,Koç,Özdemir,Yıldız,Doğan}',
 '{yilmaz,celik,sahin,ozturk,aydin,gunes,kilic,erdogan,koc,ozdemir,yildiz,dogan}'),
('epost.example',
 '{Åsa,Björn,Märta,Göran,Ingrid,Håkan,Frøydis,Søren,Øyvind,Astrid,Jørgen,Åse}',
 '{asa,bjorn,marta,goran,ingrid,hakan,froydis,soren,oyvind,astrid,jorgen,ase}',
 '{Sjöberg,Åkesson,Lindström,Nygård,Holm,Bjørnstad,Ødegård,Møller,Kjær,Sørensen,Hæggström,Wikström}',
 '{sjoberg,akesson,lindstrom,nygard,holm,bjornstad,odegard,moller,kjaer,sorensen,haeggstrom,wikstrom}'),
('posti.example',
 '{Päivi,Jyrki,Äijö,Kaisa,Väinö,Tuulikki,Yrjö,Aino,Pekka,Sisko,Olavi,Helmi}',
 '{paivi,jyrki,aijo,kaisa,vaino,tuulikki,yrjo,aino,pekka,sisko,olavi,helmi}',
 '{Mäkinen,Korhonen,Hämäläinen,Järvinen,Lehtonen,Niemi,Rantanen,Pöyhönen,Väisänen,Koskela,Salmi,Tähtinen}',
 '{makinen,korhonen,hamalainen,jarvinen,lehtonen,niemi,rantanen,poyhonen,vaisanen,koskela,salmi,tahtinen}'),
('pochta.example',
 '{Анна,Иван,Ольга,Дмитрий,Наталья,Сергей,Юлия,Фёдор,Ксения,Павел,Людмила,Алексей}',
 '{anna,ivan,olga,dmitry,natalya,sergey,юлия,fyodor,ksenia,pavel,lyudmila,alexey}',
 '{Черных,Долгих,Седых,Мороз,Гончар,Сорока,Ткач,Бондарь,Кравец,Белых,Коваль,Зима}',
 '{chernykh,dolgikh,sedykh,moroz,gonchar,soroka,tkach,bondar,kravets,belykh,koval,zima}'),
('skrynka.example',
 '{Олена,Тарас,Ірина,Богдан,Оксана,Юлія,Мар''яна,Андрій,Соломія,Юрій,Ганна,Остап}',
 '{olena,taras,iryna,bohdan,oksana,yulia,mariana,andrii,solomia,yurii,hanna,ostap}',
 '{Шевченко,Коваленко,Бондар,Ткачук,Кравчук,Олійник,Лисенко,Савчук,Мельник,Гнатюк,Поліщук,Дзюба}',
 '{shevchenko,kovalenko,bondar,tkachuk,kravchuk,oliinyk,lysenko,savchuk,melnyk,hnatiuk,polishchuk,dziuba}'),
('tachydromeio.example',
 '{Ελένη,Γιώργος,Μαρία,Νίκος,Σοφία,Δημήτρης,Αναστασία,Θεόδωρος,Ιωάννα,Κώστας,Ευαγγελία,Χρήστος}',
 '{eleni,giorgos,maria,nikos,sofia,dimitris,anastasia,theodoros,ioanna,kostas,evangelia,χρήστος}',
 '{Γεωργίου,Οικονόμου,Αθανασίου,Νικολάου,Δημητρίου,Ιωάννου,Βασιλείου,Παπαϊωάννου,Κωνσταντίνου,Αναστασίου,Χριστοδούλου,Αγγέλου}',
 '{georgiou,oikonomou,athanasiou,nikolaou,dimitriou,ioannou,vasileiou,papaioannou,konstantinou,anastasiou,christodoulou,angelou}'),
('barid.example',
 '{محمد,فاطمة,يوسف,ليلى,عمر,زينب,خالد,مريم,حسن,نور,إبراهيم,سلمى}',
 '{mohammed,fatima,youssef,layla,omar,zaynab,khaled,maryam,hassan,nour,ibrahim,salma}',
 '{الخطيب,حداد,المصري,نجار,العلي,منصور,الشامي,قاسم,بركات,عباس,التميمي,صالح}',
 '{alkhatib,haddad,almasri,najjar,alali,mansour,alshami,qasim,barakat,abbas,altamimi,saleh}'),
('doar.example',
 '{נועה,דוד,תמר,יוסף,מאיה,איתן,שירה,אורי,יעל,עומר,רחל,גיל}',
 '{noa,david,tamar,yosef,maya,eitan,shira,uri,yael,omer,rachel,gil}',
 '{כהן,לוי,מזרחי,פרץ,ביטון,אזולאי,פרידמן,שפירא,גבאי,ברק,שרון,רוזן}',
 '{cohen,levi,mizrahi,peretz,biton,azoulay,friedman,shapira,gabay,barak,sharon,rosen}'),
('dak.example',
 '{आरव,अनन्या,विवान,दीया,अर्जुन,मीरा,रोहन,काव्या,ईशान,नेहा,संजय,प्रिया}',
 '{aarav,ananya,vivaan,diya,arjun,meera,rohan,kavya,ishaan,neha,sanjay,priya}',
 '{शर्मा,वर्मा,गुप्ता,सिंह,पटेल,जोशी,मेहता,अग्रवाल,मिश्रा,यादव,चौहान,राव}',
 '{sharma,verma,gupta,singh,patel,joshi,mehta,agarwal,mishra,yadav,chauhan,rao}'),
('youjian.example',
 '{伟,芳,秀英,敏,静,丽,强,磊,洋,艳,勇,婷}',
 '{wei,fang,xiuying,min,jing,li,qiang,lei,yang,yan,yong,ting}',
 '{王,李,张,刘,陈,杨,赵,黄,周,吴,徐,孙}',
 '{wang,li,zhang,liu,chen,yang,zhao,huang,zhou,wu,xu,sun}'),
('yubin.example',
 '{陽菜,蓮,さくら,大翔,結衣,ひなた,美咲,健太,葵,翔太,愛,直樹}',
 '{hina,ren,sakura,hiroto,yui,hinata,misaki,kenta,葵,shota,ai,naoki}',
 '{佐藤,鈴木,高橋,田中,渡辺,伊藤,山本,中村,小林,加藤,吉田,山田}',
 '{sato,suzuki,takahashi,tanaka,watanabe,ito,yamamoto,nakamura,kobayashi,kato,yoshida,yamada}'),
('upyeon.example',
 '{서연,민준,지우,도윤,하은,주원,수아,예준,지민,현우,은지,성호}',
 '{seoyeon,minjun,jiwoo,doyun,haeun,juwon,sua,yejun,jimin,hyunwoo,eunji,sungho}',
 '{김,이,박,최,정,강,조,윤,장,임,한,오}',
 '{kim,lee,park,choi,jung,kang,cho,yoon,jang,lim,han,oh}'),
('thu.example',
 '{Hương,Đức,Thảo,Quân,Nguyệt,Hải,Trâm,Dũng,Ánh,Phước,Yến,Tuấn}',
 '{huong,duc,thao,quan,nguyet,hai,tram,dung,anh,phuoc,yen,tuan}',
 '{Nguyễn,Trần,Lê,Phạm,Hoàng,Vũ,Đặng,Bùi,Đỗ,Hồ,Ngô,Dương}',
 '{nguyen,tran,le,pham,hoang,vu,dang,bui,do,ho,ngo,duong}');

-- The n-th user of a language takes the n-th pair of names; when the pairs are used up, a number follows.
INSERT INTO users (name, email, created_at, updated_at)
SELECT CASE WHEN language.domain IN ('youjian.example', 'yubin.example', 'upyeon.example')
            THEN last_names[l] || first_names[f]
            ELSE first_names[f] || ' ' || last_names[l] END,
       first_parts[f] || '.' || last_parts[l] || CASE WHEN round = 0 THEN '' ELSE (round + 1)::text END
           || '@' || domain,
       since, since
FROM generate_series(0, :users - 1) AS i
CROSS JOIN LATERAL (SELECT i % 20 + 1 AS spoken, i / 20 % 12 AS first, i / 240 % 12 AS last, i / 2880 AS round) AS pair
CROSS JOIN LATERAL (SELECT first + 1 AS f, (last + 5 * first + 7 * round) % 12 + 1 AS l) AS position
CROSS JOIN LATERAL (SELECT now() - (:users - i) * (interval '2 years' / :users) AS since) AS age
JOIN language ON language.number = spoken
ORDER BY i;

COMMIT;

VACUUM (ANALYZE) users;
