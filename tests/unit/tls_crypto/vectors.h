/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Known answers, in hexadecimal digits. AES-GCM: the test cases of the specification of GCM
 * (McGrew, Viega) and of NIST's CAVP (gcmEncryptExtIV); ChaCha20-Poly1305: RFC 8439 section 2.8.2
 * and appendix A.5.
 */
#ifndef TESTS_UNIT_TLS_CRYPTO_VECTORS_H
#define TESTS_UNIT_TLS_CRYPTO_VECTORS_H

struct vector {
    const char *name, *key, *iv, *aad, *plain, *cipher, *tag;
};

static const struct vector gcm_vectors[] = {
    {
     "spec 1",                                                   "00000000000000000000000000000000",
     "000000000000000000000000",                                                                                                                    "",
     "",                                                                                                                                                                                           "",
     "58e2fccefa7e3061367f1d57a4e7455a", },
    {
     "spec 2",                                                         "00000000000000000000000000000000",
     "000000000000000000000000",                                                                                                                                      "",
     "00000000000000000000000000000000",                                                                                                                                                                   "0388dace60b6a392f328c2b971b2fe78",
     "ab6e47d42cec13bdf53a67b21257bddf", },
    {
     "spec 3",                        "feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888",                                                                                                        "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c959568"
        "09532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",                                                                                                                                                                                     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466"
        "931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",                                                                                                                                     "4d5c2af327cd64a62cf35abd2ba6fab4",
     },
    {
     "spec 4",                                                        "feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888",                      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c959568"
        "09532fcf0e2449a6b525b16aedf5aa0de657ba637b39",                                                                                                                                                                                            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466"
        "931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",                                                                                                                                                                                                             "5bc94fbc3221a5db94fae95ae7121a47",
     },
    {
     "spec 5, IV of 8 bytes","feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbad",                                                   "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c959568"
        "09532fcf0e2449a6b525b16aedf5aa0de657ba637b39",                                                                                     "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f"
        "24b22b097544d4896b424989b5e1ebac0f07c23f4598","3612d2e79e3b0785561be14aaca2fccb",
     },
    {
     "spec 6, IV of 60 bytes",                                                                "feffe9928665731c6d6a8f9467308308",
     "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c9515680"
        "9539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",                                                                                                                   "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c959568"
        "09532fcf0e2449a6b525b16aedf5aa0de657ba637b39",                                                                             "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba4"
        "3c90ccdcb281d48c7c6fd62875d2aca417034c34aee5",                                                                                                                                                       "619cc5aefffe0bfa462af43c1699d050",
     },
    {
     "spec 15",                       "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888",                                                                                                                                                   "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c959568"
        "09532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",                                                                  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590d"
        "bb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",                                                                                                                                                       "b094dac5d93471bdec1a502270e3cc6c",
     },
    {
     "CAVP: key 128, data 0, additional data 0, tag 128 bits",          "1014f74310d1718d1cc8f65f033aaf83",
     "6bb54c9fd83c12f5ba76cc83f7650d2c", "",
     "",                                                                                                                                                                                                  "",
     "0b6b57db309eff920c8133b8691e0cac", },
    {
     "CAVP: key 128, data 1024, additional data 1024, tag 128 bits",                                 "839664bb6c352e64714254e4d590fb28",
     "5482db71d85039076a541aaba287e7f7",                                                                                     "4d75a10ff29414c74d945da046ed45dc02783da28c1ee58b59cbc6f953dd09788b6d513f7366"
        "be523e6c2d877c36795942690ce9543050f7ab6f6f647d262360994f7f892e9f59941a8d4406"
        "19fda8aa20350be14c13d7924c0451c1489da9a0cafd759c3798776245170ad88dbceb3cacde"
        "6ba122b656601ccb726e99d54115",                                      "752c7e877663d10f90e5c96cce2686f4aa846a12272a0aba399e860f2838827c7c718365e704"
        "084fbe1e68adb27ad18e993c800da2e05bcaf44b651944bde766e7b3ac22f068b525dd0b80b4"
        "90b3498d7b7199f60faf69fee338087f7a752fb52147034de8922a3ed73b512d9c741f7bac12"
        "06e9b0871a970271f50688038ab7",                                "c7ee1c32f8bc0181b53ce57f116e863481db6f21666ba3fa19bd99ce83eee2d573388a0459df"
        "ede92e701982a9cc93d697f313062dbea9866526f1d720a128ab97452a35f458637116f7d929"
        "4ffc76079539061dfeff9642a049db53d89f2480a6d74a05ff25d46d7048cc16d43f7888b5af"
        "f9957b5dc828973afccff63bd42a",                                                                                                                                                                                                       "63c8aa731a60076725cd5f9973eeadb5",
     },
    {
     "CAVP: key 128, data 1024, additional data 0, tag 32 bits",   "7d0f9109dd846c47527a429b98d53301",
     "f58a5bb77f4488ee60dd85ca66fad59a",                                                                                                            "",
     "506efc29c0f02910cc9f5b2e677bb811e366b9e4910c00b36e48e5d5b42718f3b6d1a08a2de9"
        "c6d4ce44fce00fb7e10cf89396a88bdb38dcb0dba69449195e19b72ff989666b366f03166dd4"
        "7cf4c7bf72dba3048fa34329ba86bbbf32934a0992d72c463fffee94653379d23b8bb4dff03f"
        "d86cfc971a2f7cdb90589bbbcb28",                                                                                                                                                                                           "2e2760c649f17c1b4ba92b1fc9b78d149a9fc831f0d0fe4125cbfc70d52047f32a7f25c71653"
        "3d199af77ed05e259cc31d551187dbc2e7d9e853d5f65ab8a48840f22391072cbe29e8529cd1"
        "1740f27d11513c68ad41f4acc6fb363428930fe3d7c0e698387594156e6cc789d432817c7884"
        "80f3b31326fa5f034e51d2af8c44", "6ced7aac",
     },
    {
     "CAVP: key 128, data 0, additional data 1024, tag 96 bits",                                                         "83f7631c4d4c466c9246cbc48e2dde6f",
     "f5d6c8c252cb687a931c38f58f74943c",                                                                                "1f35e94a35d0f424bf690a15038126a41502593612efe6333cf94ea0565ca6acdefae8d74dae"
        "62df95e9261c6596c3397220e044c5b08cf39cccb27315d9b795da321204910274a93436bc05"
        "73fdba04ae6bb14c6ca955cf8b9e193a12e05796d7f4b397507614dabc457f1cd3ce19e439b6"
        "e62703f2189372938b29b7a542b9",                            "",
     "",                                                                                                                               "bb85dbd858ab7b752da7e53c",
     },
    {
     "CAVP: key 128, data 1024, additional data 1024, tag 104 bits",                     "fe96eab10ff48c7942025422583d0377",
     "97ce3f848276783599c6875de324361e",                                                                                                                                             "127628b6dcbce6fc8a8ef60798eb67b2088415635119697d20bb878c24d9c6f9c29e148521cb"
        "5e0feff892c7855d4f1c0bfb32ad33420976714dce87a0bbc18e4378bd1ef35197d0ca730511"
        "48f1199010f63caf122df5f71ad8d9c71df3eb2fbe3b2529d0ba657570358d3776f687bdb9c9"
        "6d5e0e9e00c4b42d5d7a268d6a08",                                                                                                                                                                   "194c8bbbfae4a671386b8cd38f390f46f9df6b8661b470c310921a1c858a938045834bb10380"
        "037fbf5f5e00688554537be0fcafe8270b9b59068fa056ab1268fc166c2d729243a06650a171"
        "c929c7845c85330c04568d62977eedf3b1ba9dca13bdb8f9522817c8cb99e635e37465ec1c9f"
        "6f148d51437aa9f994a62e1bd013",                                                                                                                                   "12495120056ca3cac70d583603a476821bac6c57c9733b81cfb83538dc9e850f8bdf46065069"
        "591c23ebcbc6d1e2523375fb7efc80c09507fa25477ed07cee54fc4eb90168b3ef988f651fc4"
        "0652474a644b1b311decf899660aef2347bb081af48950f06ebf799911e37120de94c55c20e5"
        "f0a77119be06e2b6e557f872fa0f",                                                                                                        "6bac793bdc2190a195122c9854",
     },
    {
     "CAVP: key 192, data 0, additional data 0, tag 128 bits",                                                        "f8022b8988383d5cfd7d9e0e208146e7868d3d714fe85744",
     "5fccd8cb551cfc9c20998da4cb981d49",                                                                      "",
     "",                                                                                                                                                                                            "",
     "1b5c6c9a28f5edfa4cf99176b0f14077", },
    {
     "CAVP: key 192, data 1024, additional data 1024, tag 128 bits","263451f187b6dcab9d8dc4364217a483dd80c1d75f24fcea",
     "6c4552b3a03152aa464e88fd5b14356d",                                                                     "435453a304fcd3c4bd6ab90d6ed8c54e6d21f75b9e56c9d48030499b04f6754cff628c4c9216"
        "f7d8a0abed5b8b7ca128c099a7deab74ecfe2c4a494b30d74833f837d254aa00d75aa963ce9c"
        "041f1916eb63d673a4af3f88817c65d4c86f5a3c28a67de2aaf75f08d1b628af333e518a7e99"
        "d980571db608407d3f447563f2df",                                                      "5e236c282eb4646fbd16a95eff2b27873f625a7e919237d75989a8a112ea80ce8db0b4aeaf5d"
        "a59c3b22649dabb584284ab9673ba7edef59043eb8e99763643941a4788e7cf11bad63e13c9e"
        "f08644044b76beef68928dac22975481da4afc723b3ab3b498189542cbdffbc3f467d190cd02"
        "e9b36b6981122aa80cfa3aa3561f",                                                                                                                                                                                           "12dea5ea9b54957c689c7c9c6a711e2880645109a4057fafe3b32727a60ee1e24f8450310d6b"
        "8402c26b307bb0bf3cb7c6407270d95590efb938e6d77359666b11a7a3833a7122697e959645"
        "d8e9d835e0bd39bdc30397115b4c348ea825c850c1e54a60a2522a6321e4b99fa2ad92152056"
        "28c595b07c6ffed939c779d23ab2",                                           "585677e0f37ae13d886c38202c3860b7",
     },
    {
     "CAVP: key 192, data 1024, additional data 0, tag 32 bits",                                                                "4107d51f7d6e24aa605959d5d46b4c7e1743b7d5e3ae07b6",
     "94a88f6872995b26da39efb5e3f93334",                        "",
     "e5074ffbaf5e771e12f9e7cc8e7701b970aa7897928681383ea0f91bce8200ec6782dc9618e0"
        "65e142c4ef2f7019791e74edfe2040b08bdf328d7d9658e7473beab65359d35ed168a2bb39f3"
        "c3f59890353405a82f48e16d388eb8f2145ed9bff016e725791cabca913813e7485f38722371"
        "1c1ad098ffa0f72f74a048ec17ea",                                                                                                                    "bf32a717c945e1e2fe91fd38f3c7084210a7966cb83235d28f701ebcae6b2042226e932e4601"
        "eb3ed4728ca32bf7065fcdc98017dabcac23f0f80c65e92518db6c78bf4cd91f817b69f3c3a8"
        "891786d433f6c3c1a025c1d37bd1c587ba6004085571245591d615906f5c18994f09a03f3eef"
        "180d7af34f00ecfe153d5ab73933",                                                                                        "8d43426d",
     },
    {
     "CAVP: key 192, data 0, additional data 1024, tag 96 bits",                             "bd02ff8cb540ba572af3431597bdf3f23e61665f96a19b4f",
     "7198af3f594a4f0597f45fb592edef50",                                                                                                                                                   "ef06de48bd34f362fdb425c6e35e37d0dfa1ea874df7d201b6a1c25b736c96e3cc8ed0915807"
        "fb7ed759482ca701d28c08cbf955be244bf887df37394d1ca4d2e7eace0dc61c807b714f3161"
        "f9d7f554c9f87ad674849c136108cfd8f777997656489d3e993aad4a51b68616083876832b30"
        "85a5f8f154b83ea44702c70f2980",                                                                                                      "",
     "",                                                                                                                                                                      "43298281cd27a36e5cbac4b9",
     },
    {
     "CAVP: key 192, data 1024, additional data 1024, tag 104 bits",                                                         "75737e01a95c2ad9c860e72a57da646e01c2286a14dfec75",
     "1060d78543be384e7a9dc32a06bcd524",                                                                                                           "528a6c34c3cb3aba402b856dd7c9677d0d88821686edd86287e7484b72248f949bbdfb640df2"
        "7e3d1d6b6dc1293ea6c84be72c85e5ff497f5da74d796a21f2513385a177f29f2154b2362d5a"
        "c83c3897f368d06513333f2995b701fb3e5aabac559f6018fffd02cd6b65eba9cdc629067f15"
        "d1ae431d6a22811508cd913009f8",                                                                                                                        "fa749799afcf2242a6000c4fe1e0628db53933dde99d672e3c7b24b0cd6533b8002bb7aa8633"
        "322f4ee2e343db3a0067ad44edaa398cd90ebdb50c732e8bf95aceb4aaa4dfd1eaca617c30c3"
        "0c1a18761a6d24c2de0790f54f73e0802eb82ffc0124517ddafe8336f4ec6197219346deef4c"
        "e930e8ae20117e6ebe49a2582346",                                                                                                                                                      "7e8774cb73468ad9647f6946aea30e9468fac3850b5ff173c7b346891ecda32a78b58df8d835"
        "328615f36a12c18370f3abcf021ed723830b08627767272f769a2105e4786451db0512027ce0"
        "e3f770fbb0ee0e1850a5fc479df4ad5ceff4fa3b2b9124c330c2e79d770e6f5e89acdc8d0ca9"
        "c758980dfefaaac41aaf6d472f8a",                                                                                                                                          "6bc6632bb5b3296ede9e1c5fcd",
     },
    {
     "CAVP: key 256, data 0, additional data 0, tag 128 bits",                         "fb8094dd2eddb3d8004bb79134023ca2be4de9b668a9e4608abdf2130e8becb8",
     "491a14e13b591cf2f39da96b6882b5e5",                              "",
     "", "",
     "80883f2c925434a5edfcefd5b123d520", },
    {
     "CAVP: key 256, data 1024, additional data 1024, tag 128 bits", "cd8ec237009eab590dbd9b31e76513dfa3501701b1a706982944441d996e1839",
     "a3cae7aa59edb5f91ee21231002db8e2",                                                                                                            "45fa52a0e8321d82caea95bd9506f7331923e2aa95e9238908f3ff30e17a96389dfea75e225e"
        "34e1605354eaaf999a950f469c6e2e8722da5ad9daded6722baca00e5d1b8e63266ad1b42cae"
        "161b9c089f4ffdfbbaa2f1fb0245d1a4c306d46e215e8c6c6ae37652a8f6016f92adb7695d40"
        "bde8c202ab9c2d70a96220b4b01b",                                                                                                 "9eef7c9a0fa3e9a7fcc4b2f9d210a97d6653ded7913f2fb2de825a0dfd78ae1cca68c040f232"
        "8009fffe62937d630ee9d6e0e67bc12c38c0b3d035697d4c2311371aacf41cce0d523016ee43"
        "6a47d93af0df77011131856d072c718c310f0995b71530d70a3da881481f46f21dda62e3e4c8"
        "98bb9f819b22f816b7c4e2fb6729",                                                                                                                                                            "833d58f0bbd735c6164ecaa295e95ad1143c564d24817d5f6dded5d2d9b2bed2dc05da4a8a16"
        "e20fdf90f839370832f9ddc94e4e564db3ae647068537669b168cc418ea7d0e55b2bb8fd861f"
        "9f893a3fdba6aace498bc6afe400fea6b2a8c58924c71ce5db98cfce835161a5cf6187870aa3"
        "2f522d406c52f91c30543ea6aa16",                                                                                                                                "c1df4ee60b10f79173032e9baaf04d3f",
     },
    {
     "CAVP: key 256, data 1024, additional data 0, tag 32 bits",                                                          "97e736a63870546ec9c2325a8e367c8ea17a7ffa71f6cadd6909a5bb9eb12814",
     "d35192b4d233507b70c6d32f8e224577",                                                                                    "",
     "608280a9dcbd6dd66100a9fdd00e6dac2183e32c945b2b4d255c048243bfea15aad1a10ff3ee"
        "c0ba79c531239b489a5dc155dc2775519f8d3d2ed82fa7ac653fb7c77e0dfad1c175b6c69963"
        "f5c12ff9840f18e0202502e9d1e3b170965cd86ae411af20e6d69a608c99ca8dae3cb3bcce66"
        "6841132a99429bcde490d9f0b6b5",                                                                                                                                                           "568a0d584fc66c876b7beb9ef8709954a2c426fb8c1936b9024181ca2cd3a7684c412715c11e"
        "ab80a181be0238e32a2b689e9db36a2ac87db651058080531e7b1110938dcb09615e385d7b22"
        "4b11222469145f6fb5f4c0e87b08bb3006bc5b6d2ce0a15be7fc29b27c10c645afd9d8253c09"
        "4fc0f775086bdf2adac265b474d7",                                                                                                                               "af18c065",
     },
    {
     "CAVP: key 256, data 0, additional data 1024, tag 96 bits",                                                         "d3981f0aa1ed8cb369d9b0d7b0e529ec6089ff2d226c542885b1bff55276e891",
     "7331f91bd1a67c21c9dd336a2a922839",                                                                                                                                             "406d9cf45fc8618d564154241dc9c006ecdcd847406e5a6e7127ac96e7bb93f4c339ff612c51"
        "4b6f66df95a0845035d7535212a2aaeeb0ee512d1f4375c9a527e4e499389c2d7f7f7439c913"
        "ea91580e7303767b989c4d619df7888baf789efd489b08eda223f27da5e177cd704c638f5fc8"
        "bf1fecfcd1cab4f4adfbc9d1d8ba",                                                                                                                                                                   "",
     "",                              "dbb7ec852c692c9a0e1a5acd",
     },
    {
     "CAVP: key 256, data 1024, additional data 1024, tag 104 bits",                     "4b92242268e598ddcf3a5a0de26d74356693c4dbca354e44be401f3d6804ea1e",
     "3c292bbcc16c94b0a263f4d22f328915",                          "167dfab08aac8350574693b31210138f6b99cfb61ba7ade2e2abffe2255837a913c9afe332e8"
        "fc4b2463310df46492e7d982dcb70fdda2a8b03911e6be9a5c5621d0ae8ecd1cb390910b6702"
        "aad33394c25d1160b86687e25bb6cdc4811e3158bb85ba75548329dacc19287d9c004a047302"
        "9b77ca290fc47c1f96d9583bcd67",           "72dc75bc4c8f5bbbd9c639fbdb34afbb84706404c9e67eaee1959aa4b51eac0db4f975cb3ed8"
        "d8ca27f72f61c8562ec953a7b8745826121a7016e60e877dcdb046f236af3826c1ddf5b929c5"
        "bd9a92b0d5c23cf8983bf2459ced6595882b3dd0cd25da7eba981bba122623dae22dbdce05cf"
        "4e5d82d2cc54eb4f68e9e8eff02b",                                                                                                                                                                                            "c2dd42ab9bf3fda78032f73cbf7d28dd8e32c582a3b7ee79795551f133234d62ea6571a466b8"
        "e1af0b3d354b71a6582c9c8013d5f8a2c34eb3e848360adac1d5005cede58eae7784f32a31c4"
        "0eec5a3f03cc1e7263d8515b36225b3515ebcf8dca2a77172c797d347ed3921ca0bc73e8ae56"
        "347134a6a2a06ae084f1ebb7b0fe",                                                                                                                                                                                                             "02fb002d8e4a1d11bb0f0b64d7",
     },
};

static const struct vector chachapoly_vectors[] = {
    {
     "RFC 8439 section 2.8.2", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f662027"
        "39393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020"
        "666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e", "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9"
        "671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee3"
        "28091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116", "1ae10b594f09e26a7e902ecbd0600691",
     },
    {
     "RFC 8439 appendix A.5",                        "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
     "000000000102030405060708",    "f33388860000000000004e91",
     "496e7465726e65742d4472616674732061726520647261667420646f63756d656e7473207661"
        "6c696420666f722061206d6178696d756d206f6620736978206d6f6e74687320616e64206d61"
        "7920626520757064617465642c207265706c616365642c206f72206f62736f6c657465642062"
        "79206f7468657220646f63756d656e747320617420616e792074696d652e2049742069732069"
        "6e617070726f70726961746520746f2075736520496e7465726e65742d447261667473206173"
        "207265666572656e6365206d6174657269616c206f7220746f2063697465207468656d206f74"
        "686572207468616e206173202fe2809c776f726b20696e2070726f67726573732e2fe2809d",                                                        "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d"
        "43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84a"
        "bd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606"
        "907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225e"
        "e282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548"
        "271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d9"
        "1d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b",                                                                                                                "eead9d67890cbb22392336fea1851f38",
     },
};

#endif
